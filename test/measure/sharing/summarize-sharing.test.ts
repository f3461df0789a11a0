import assert from "node:assert/strict";
import type { Asked } from "../../../src/measure/probe/probe.ts";
import { changeCells, movedShare, sharingFailures, slowCells } from "../../../src/measure/sharing/summarize-sharing.ts";
import { suite } from "../../support/suite.ts";

const test = suite("sharing out");

function asked(source: number, endpoint: number | undefined, dueMs = 0, tookMs = 2): Asked {
  const outcome = endpoint === undefined ? "refused" : "answered";
  return { dueMs, endedMs: dueMs + tookMs, outcome, endpoint, source: `127.30.0.${source}` };
}

test("a client has moved when another endpoint answers it; whoever was not answered twice does not count", () => {
  const before = [asked(1, 7), asked(2, 7), asked(3, 8), asked(4, undefined)];
  const after = [asked(3, 8), asked(2, 9), asked(1, 7), asked(4, 9)];
  assert.equal(movedShare(before, after), 1 / 3);
  assert.equal(movedShare([], after), undefined);
});

test("added: the least is what the new one has to get, and chance moves all but one of n + 1", () => {
  const before = Array.from({ length: 100 }, (_, at) => asked(at, at % 4));
  const during = before.map((one, at) => ({ ...one, endpoint: at % 5 === 0 ? 9 : one.endpoint }));
  const trials = Array.from({ length: 5 }, () => ({ subject: "a", before, during, after: before }));
  const [added, removed] = changeCells(trials, ["a"], 4);
  assert.deepEqual([added!.change, removed!.change], ["added", "removed"]);
  // The same in every block: there is no interval to make of it.
  assert.deepEqual(added!.moved, { value: 0.2, interval: null, unit: "1", reason: "no-spread" });
  assert.equal(added!.least.value, 0.2);
  // 500 clients: 0.8 ± 1.96 √(0.8 × 0.2 / 500).
  assert.deepEqual(
    added!.chance.interval!.map((end) => end.toFixed(4)),
    ["0.7649", "0.8351"],
  );
  assert.equal(removed!.moved.value, 0.2);
});

test("the slow endpoint's share has an interval of the blocks, and stands beside chance", () => {
  const trials = [1, 2, 3, 2, 2].map((slow) => ({
    subject: "a",
    asked: Array.from({ length: 10 }, (_, at) => asked(at, at < slow ? 5 : 6, at, at < slow ? 10 : 2)),
  }));
  const [cell] = slowCells(trials, ["a"], [5, 6]);
  assert.deepEqual(cell!.counts.values, [10, 40]);
  assert.ok(Math.abs(cell!.slowShare.value! - 0.2) < 1e-12);
  // Standard deviation 0.0707, of the mean 0.0316; t with 4 degrees is 2.776.
  assert.deepEqual(
    cell!.slowShare.interval!.map((end) => end.toFixed(3)),
    ["0.112", "0.288"],
  );
  assert.deepEqual(
    cell!.chance.interval!.map((end) => end.toFixed(3)),
    ["0.361", "0.639"],
  );
  assert.equal(cell!.median.value, 2000);
  // Fifty answers: not ten beyond.
  assert.equal(cell!.p99.value, null);
});

test("a request without an answer is a failure", () => {
  const trials = [
    { subject: "a", asked: [asked(1, 5), asked(2, undefined)] },
    { subject: "b", asked: [asked(1, 5)] },
  ];
  assert.deepEqual(sharingFailures(trials, ["a", "b"], "slow"), [{ subject: "a", work: "slow", reason: "unanswered" }]);
});
