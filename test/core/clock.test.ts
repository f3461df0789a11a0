import assert from "node:assert/strict";
import { calendarTime, manualClock, systemClock, threadClock } from "../../src/core/clock.ts";
import { suite } from "../support/suite.ts";

const test = suite("clock");

test("a manual clock moves when it is told to, by as much", () => {
  const clock = manualClock(1000);
  assert.equal(clock.nowMs(), 1000);
  clock.advance(0);
  clock.advance(0.25);
  clock.advance(3_600_000);
  assert.equal(clock.nowMs(), 3_601_000.25);
  assert.equal(manualClock().nowMs(), 0);
});

test("a manual clock does not go back", () => {
  const clock = manualClock(5);
  for (const ms of [-1, -Infinity, Number.NaN]) assert.throws(() => clock.advance(ms), RangeError);
  assert.equal(clock.nowMs(), 5);
});

for (const [name, clock] of Object.entries({ systemClock, threadClock })) {
  test(`${name} never goes back, and goes on`, () => {
    let last = clock.nowMs();
    const first = last;
    for (let i = 0; i < 1_000_000 && last - first < 2; i += 1) {
      const now = clock.nowMs();
      assert.ok(now >= last, `${now} after ${last}`);
      last = now;
    }
    assert.ok(last > first);
  });
}

test("calendar time is ISO 8601 in UTC, and about now", () => {
  const text = calendarTime();
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.parse(text) - systemClock.nowMs()) < 24 * 3_600_000);
});
