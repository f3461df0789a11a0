import assert from "node:assert/strict";
import { manualClock } from "../../src/core/clock.ts";
import { createIdleSweeper, sweepHeap } from "../../src/host/small-heap.ts";
import { suite } from "../support/suite.ts";

const test = suite("a small heap");

test("a heap is swept once after work, and not while work goes on", () => {
  const clock = manualClock();
  let swept = 0;
  const sweeper = createIdleSweeper(clock, () => (swept += 1));
  clock.advance(60_000);
  assert.equal(swept, 0);
  for (let i = 0; i < 10; i += 1) {
    sweeper.worked();
    clock.advance(4000);
  }
  assert.equal(swept, 0);
  clock.advance(1000);
  clock.advance(60_000);
  assert.equal(swept, 1);
  sweeper.worked();
  sweeper.close();
  sweeper.worked();
  clock.advance(60_000);
  assert.equal(swept, 1);
});

test("a sweep takes what nobody holds", async () => {
  const gone = new WeakRef(fill());
  // A reference is kept to the end of the turn in which it was made.
  await new Promise((resolve) => setImmediate(resolve));
  sweepHeap();
  assert.equal(gone.deref(), undefined);
});

function fill(): object {
  return { items: Array.from({ length: 1000 }, (_, i) => ({ i })) };
}
