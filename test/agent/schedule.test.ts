import assert from "node:assert/strict";
import { createSchedule, type ScheduleSettings } from "../../src/agent/schedule.ts";
import { manualClock } from "../../src/core/clock.ts";
import { suite } from "../support/suite.ts";

const test = suite("schedule");

const settings: ScheduleSettings = { minIntervalMs: 1000, maxIntervalMs: 60_000, retryMs: 30_000 };

/** A schedule whose runs last until they are told to end. */
function observed(changed: Partial<ScheduleSettings> = {}) {
  const clock = manualClock();
  const starts: number[] = [];
  const retries: number[] = [];
  let finish: { resolve(): void; reject(error: Error): void } | undefined;
  const schedule = createSchedule({
    ...settings,
    ...changed,
    timers: clock,
    run: () =>
      new Promise((resolve, reject) => {
        assert.equal(finish, undefined, "one run at a time");
        starts.push(clock.nowMs());
        finish = { resolve, reject };
      }),
    onFailure: (error, retryMs) => {
      assert.equal((error as Error).message, "failed");
      retries.push(retryMs);
    },
  });
  const settled = async (how: (run: NonNullable<typeof finish>) => void): Promise<void> => {
    const run = finish!;
    finish = undefined;
    how(run);
    await new Promise(setImmediate);
  };
  return {
    schedule,
    starts,
    retries,
    request: () => schedule.request(),
    advance: (ms: number) => clock.advance(ms),
    end: () => settled((run) => run.resolve()),
    fail: () => settled((run) => run.reject(new Error("failed"))),
  };
}

test("the first request runs at once", async () => {
  const { request, starts, end, advance } = observed();
  advance(5);
  request();
  assert.deepEqual(starts, [5]);
  await end();
});

test("from the end of a run to the next start the least interval passes, however long the run took", async () => {
  const { request, starts, end, advance } = observed();
  request();
  advance(5000);
  request();
  await end();
  advance(999);
  assert.deepEqual(starts, [0]);
  advance(1);
  assert.deepEqual(starts, [0, 6000]);
  await end();
});

test("requests that come while one waits or a run is under way are one run more", async () => {
  const { request, starts, end, advance } = observed();
  for (let i = 0; i < 100; i += 1) request();
  advance(1);
  for (let i = 0; i < 100; i += 1) request();
  await end();
  for (let i = 0; i < 100; i += 1) request();
  advance(10_000);
  assert.deepEqual(starts, [0, 1001]);
  await end();
  advance(59_999);
  assert.equal(starts.length, 2);
});

test("there is no burst: a request after a long rest runs at once, the next one waits", async () => {
  const { request, starts, end, advance } = observed();
  request();
  await end();
  advance(50_000);
  request();
  await end();
  request();
  assert.deepEqual(starts, [0, 50_000]);
  advance(1000);
  assert.deepEqual(starts, [0, 50_000, 51_000]);
  await end();
});

test("without requests it runs after the longest interval, counted from the end of the run before", async () => {
  const { starts, end, advance } = observed();
  advance(59_999);
  assert.deepEqual(starts, []);
  advance(1);
  assert.deepEqual(starts, [60_000]);
  advance(100);
  await end();
  advance(60_000);
  assert.deepEqual(starts, [60_000, 120_100]);
  await end();
});

test("without a least interval a request that came during a run starts the next one when it ends", async () => {
  const { request, starts, end, advance } = observed({ minIntervalMs: 0 });
  request();
  advance(3);
  request();
  await end();
  assert.deepEqual(starts, [0, 3]);
  await end();
});

test("after a failure it runs again when kube-proxy would, unless it is asked before", async () => {
  const { request, starts, retries, fail, end, advance } = observed();
  request();
  await fail();
  assert.deepEqual(retries, [30_000]);
  advance(29_999);
  assert.deepEqual(starts, [0]);
  advance(1);
  assert.deepEqual(starts, [0, 30_000]);
  await fail();
  advance(1500);
  request();
  assert.deepEqual(starts, [0, 30_000, 31_500]);
  await end();
  // The run that went well took the retry back.
  advance(59_999);
  assert.equal(starts.length, 3);
});

test("with a first retry the waits double up to the longest, and start anew after a run that went well", async () => {
  const { request, retries, starts, fail, end, advance } = observed({ firstRetryMs: 2000, retryMs: 10_000 });
  request();
  for (const waitMs of [2000, 4000, 8000, 10_000, 10_000]) {
    await fail();
    assert.equal(retries.at(-1), waitMs);
    advance(waitMs);
  }
  assert.deepEqual(starts, [0, 2000, 6000, 14_000, 24_000, 34_000]);
  await end();
  advance(1000);
  request();
  await fail();
  assert.equal(retries.at(-1), 2000);
});

test("no retry comes before the least interval is over", async () => {
  const { request, starts, retries, fail, end, advance } = observed({ firstRetryMs: 10, minIntervalMs: 5000 });
  request();
  await fail();
  assert.deepEqual(retries, [5000]);
  advance(4999);
  assert.deepEqual(starts, [0]);
  advance(1);
  assert.deepEqual(starts, [0, 5000]);
  await end();
});

test("after stop no run starts, and stop waits for the one under way", async () => {
  const { schedule, request, starts, end, advance } = observed();
  request();
  request();
  let stopped = false;
  const stop = schedule.stop().then(() => (stopped = true));
  await new Promise(setImmediate);
  assert.equal(stopped, false);
  await end();
  await stop;
  request();
  advance(1_000_000);
  assert.deepEqual(starts, [0]);
  await schedule.stop();
});

test("stop waits for a run that fails, too", async () => {
  const { schedule, request, retries, fail, advance, starts } = observed();
  request();
  const stop = schedule.stop();
  await fail();
  await stop;
  advance(1_000_000);
  assert.deepEqual([starts, retries], [[0], []]);
});
