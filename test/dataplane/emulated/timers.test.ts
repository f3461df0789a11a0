import assert from "node:assert/strict";
import * as fc from "fast-check";
import { Timers } from "../../../src/dataplane/emulated/timers.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("timers");

test("what is armed is due when its time is over, and not before", () => {
  const timers = new Timers<{ name: string }>();
  const one = { name: "one" };
  timers.arm(one, 100, 50);
  assert.equal(timers.endOf(one), 150);
  assert.equal(timers.due(149), undefined);
  assert.equal(timers.due(150), one);
  timers.arm(one, 149, 50);
  assert.equal(timers.due(150), undefined, "armed again");
  timers.disarm(one);
  timers.disarm(one);
  assert.equal(timers.due(1e9), undefined);
  assert.equal(timers.endOf(one), Infinity);
});

test("what is armed for ever is never due", () => {
  const timers = new Timers<object>();
  timers.arm({}, 0, Infinity);
  assert.equal(timers.due(Number.MAX_VALUE), undefined);
});

test("the first to be over comes first, as in a list that is searched", () => {
  interface Thing {
    endMs: number;
  }
  const step = fc.record({ thing: fc.nat(9), waitMs: fc.nat(5), timeoutMs: fc.constantFrom(0, 3, 10, 25) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const timers = new Timers<Thing>();
      const things = Array.from({ length: 10 }, (): Thing => ({ endMs: Infinity }));
      let nowMs = 0;
      for (const { thing, waitMs, timeoutMs } of steps) {
        nowMs += waitMs;
        for (let due = timers.due(nowMs); due !== undefined; due = timers.due(nowMs)) {
          assert.equal(due.endMs, Math.min(...things.map(({ endMs }) => endMs)));
          due.endMs = Infinity;
          timers.disarm(due);
        }
        assert.ok(things.every(({ endMs }) => endMs > nowMs));
        things[thing]!.endMs = nowMs + timeoutMs;
        timers.arm(things[thing]!, nowMs, timeoutMs);
      }
    }),
    { seed, numRuns: runs(2000, 300) },
  );
});
