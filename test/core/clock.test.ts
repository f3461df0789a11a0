import assert from "node:assert/strict";
import { calendarTime, manualClock, rfc3339, systemClock, threadClock } from "../../src/core/clock.ts";
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

test("a manual clock's timers go off in order, each at its own time, also those that are set meanwhile", () => {
  const clock = manualClock(100);
  const went: string[] = [];
  const note = (name: string) => () => void went.push(`${name} ${clock.nowMs()}`);
  clock.after(30, note("c"));
  clock.after(10, () => {
    note("a")();
    clock.after(5, note("b"));
    clock.after(0, note("at once"));
  });
  clock.after(30, note("d"));
  const takeBack = clock.after(20, note("never"));
  takeBack();
  clock.advance(9);
  assert.deepEqual(went, []);
  clock.advance(21);
  assert.deepEqual(went, ["a 110", "at once 110", "b 115", "c 130", "d 130"]);
  assert.equal(clock.nowMs(), 130);
  takeBack();
});

test("the system's timers call once, unless they are taken back", async () => {
  let wrong = 0;
  const takeBack = systemClock.after(1, () => (wrong += 1));
  // Longer than Node's own timers, which would go off at once.
  const takeBackLong = systemClock.after(2 ** 31, () => (wrong += 1));
  takeBack();
  await new Promise<void>((resolve) => systemClock.after(20, resolve));
  takeBackLong();
  assert.equal(wrong, 0);
});

test("a moment is written with the decimals that it has", () => {
  const ten = Date.UTC(2026, 7, 13, 10);
  assert.equal(rfc3339(ten), "2026-08-13T10:00:00Z");
  assert.equal(rfc3339(ten + 500), "2026-08-13T10:00:00.5Z");
  assert.equal(rfc3339(ten + 59_999.001), "2026-08-13T10:00:59.999001Z");
  assert.equal(rfc3339(ten + 0.9996), "2026-08-13T10:00:00.001Z");
  assert.equal(rfc3339(ten + 999.9999), "2026-08-13T10:00:01Z");
  assert.equal(rfc3339(0), "1970-01-01T00:00:00Z");
});
