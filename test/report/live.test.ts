import assert from "node:assert/strict";
import { type LiveState, liveLines, sparkLine } from "../../src/report/live.ts";
import { suite } from "../support/suite.ts";

const test = suite("live table");
const cell = (subject: string, rates: readonly number[]) =>
  ({ subject, work: "tcp-bulk", unit: "B/s", rates }) as const;
const state: LiveState = {
  done: 3,
  total: 6,
  secondsLeft: 12,
  cells: [cell("direct", [8e6, 16e6, 12e6]), cell("ipvs-rr", [])],
};

test("a bar with the time left, then each subject's median rate and its last rates", () => {
  assert.deepEqual(liveLines(state, 80, 24), [
    `${"█".repeat(15)}${"░".repeat(15)} 3/6 slices, 12 s left`,
    "         tcp-bulk",
    "direct   12.0 MB/s ▅█▇",
    "ipvs-rr",
  ]);
});

test("what is wider than the terminal is cut off, and a table that is higher is left out", () => {
  assert.ok(liveLines(state, 20, 24).every((line) => line.length <= 19));
  assert.equal(liveLines(state, 80, 5).length, 1);
  assert.equal(liveLines({ ...state, cells: [] }, 80, 24).length, 1);
});

test("a spark line goes from nothing to the largest value", () => {
  assert.equal(sparkLine([0, 1, 2, 3, 4, 5, 6, 7, 8]), "▁▂▃▄▅▆▇██");
  assert.equal(sparkLine([0, 0]), "▁▁");
  assert.equal(sparkLine([]), "");
});
