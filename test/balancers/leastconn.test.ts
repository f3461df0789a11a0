import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { suite } from "../support/suite.ts";

const test = suite("leastconn");
const flow = sampleFlows(1, 1)[0]!;

/** Slots 0, 1, … added in this order. */
function driven(weights: readonly number[], options: object = {}): DrivenSet {
  const { create, stateWords } = algorithm("leastconn", options);
  const set = createBackendSet(weights.length);
  const state = new Int32Array(stateWords(weights.length));
  const subject = new DrivenSet(set, create(set, state, seededRandom(1)));
  for (const [slot, weight] of weights.entries()) subject.add(slot, weight);
  return subject;
}

/** @param as what a flow counts as; undefined: it is over at once. */
function picks(subject: DrivenSet, count: number, as?: "active" | "inactive"): string {
  const one = (): string => {
    const slot = subject.balancer.pick(flow, 0);
    if (as !== undefined) subject.count(slot, { [as]: 1 });
    return "abcd"[slot]!;
  };
  return Array.from({ length: count }, one).join(" ");
}

test("gives those of one key their turns, in the order in which they got it", () => {
  const subject = driven([1, 1, 1]);
  assert.equal(picks(subject, 3, "active"), "a b c");
  subject.count(1, { active: -1 });
  subject.count(0, { active: -1 });
  // b was idle first.
  assert.equal(picks(subject, 3, "active"), "b a c");
});

test("takes an idle backend before any busy one, whatever the weights", () => {
  const subject = driven([256, 1]);
  assert.equal(picks(subject, 2, "active"), "a b");
  // Keys: ⌊(n + 1) × 256 / weight⌋: n + 1 for a, 512 for b: 510 more for a, and at 512 it stands behind b.
  assert.equal(picks(subject, 511, "active").replaceAll(" ", ""), `${"a".repeat(510)}b`);
});

test("rounds keys down as HAProxy does, which makes some equal that are not", () => {
  // With one connection: ⌊2 × 256 / 250⌋ = ⌊2 × 256 / 240⌋ = 2, though a's fraction is smaller: b, which got 2 first, wins.
  const rounded = driven([250, 240]);
  rounded.count(1, { active: 1 });
  rounded.count(0, { active: 1 });
  assert.equal(picks(rounded, 1), "b");
  const finer = driven([250, 240], { maxWeight: 65_535 });
  finer.count(1, { active: 1 });
  finer.count(0, { active: 1 });
  assert.equal(picks(finer, 1), "a");
});

test("goes round with flows that do not count as active, as UDP does", () => {
  assert.equal(picks(driven([1, 9, 1]), 6, "inactive"), "a b c a b c");
  assert.equal(picks(driven([1, 1]), 4), "a b a b");
});
