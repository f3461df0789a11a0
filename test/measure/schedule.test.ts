import assert from "node:assert/strict";
import { scheduleBlocks } from "../../src/measure/schedule.ts";
import { workKinds } from "../../src/measure/work.ts";
import { suite } from "../support/suite.ts";

const test = suite("schedule");
const texts = (block: readonly { subject: number; work: string }[]): string[] =>
  block.map(({ subject, work }) => `${subject} ${work}`);

test("each block is a permutation of all subjects doing all works", () => {
  const all = texts(scheduleBlocks(7, workKinds, 1, 0)[0]!).sort();
  assert.equal(new Set(all).size, 7 * workKinds.length);
  for (const block of scheduleBlocks(7, workKinds, 12, 42)) assert.deepEqual(texts(block).sort(), all);
});

test("the same seed gives the same order again, another seed another one", () => {
  const order = (seed: number): string[] => scheduleBlocks(7, workKinds, 3, seed).flatMap(texts);
  assert.deepEqual(order(5), order(5));
  assert.notDeepEqual(order(5), order(6));
});

test("blocks of one seed differ in their order", () => {
  const [first, second] = scheduleBlocks(7, workKinds, 2, 1).map(texts);
  assert.notDeepEqual(first, second);
});

test("each of 6 orders of 3 cells comes up 1000 ± 120 times in 6000 blocks", () => {
  // Standard deviation √(6000 × 1/6 × 5/6) = 29; 120 is more than 4 of them.
  const counts = new Map<string, number>();
  for (const block of scheduleBlocks(3, ["tcp-bulk"], 6000, 9)) {
    const order = block.map(({ subject }) => subject).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 120, `${order}: ${count}`);
});
