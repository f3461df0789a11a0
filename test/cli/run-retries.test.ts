import assert from "node:assert/strict";
import { createSchedule } from "../../src/agent/schedule.ts";
import { retries } from "../../src/cli/run-follow.ts";
import { manualClock } from "../../src/core/clock.ts";
import { suite } from "../support/suite.ts";

/** Runs that fail as long as `broken` says so, on a clock of the test's own. */
function attempts() {
  const clock = manualClock();
  const log: string[] = [];
  const state = { broken: true };
  const schedule = createSchedule({
    ...retries,
    timers: clock,
    async run() {
      log.push("try");
      if (state.broken) throw new Error("refused");
    },
    onFailure: (_error, retryMs) => log.push(`again in ${retryMs}`),
  });
  const said = (): string[] => log.splice(0);
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  return { schedule, state, said, advance };
}

/** Everything that does not wait for a timer has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const test = suite("sluice run: what could not be applied");

test("it is tried again after 1 s, 2 s, 4 s, 8 s, 16 s and then every 30 s, until it can be, and not once more", async () => {
  const { schedule, state, said, advance } = attempts();
  schedule.request();
  await settled();
  for (const seconds of [1, 2, 4, 8, 16, 30, 30, 30]) {
    assert.deepEqual(said(), ["try", `again in ${seconds * 1000}`]);
    await advance(seconds * 1000 - 1);
    assert.deepEqual(said(), []);
    await advance(1);
  }
  said();
  state.broken = false;
  await advance(30_000);
  assert.deepEqual(said(), ["try"]);
  await advance(86_400_000);
  assert.deepEqual(said(), []);
});

test("a new state is tried at once, and after a success waits begin at 1 s", async () => {
  const { schedule, state, said, advance } = attempts();
  schedule.request();
  await settled();
  await advance(1000);
  said();
  state.broken = false;
  schedule.request();
  await settled();
  assert.deepEqual(said(), ["try"]);
  state.broken = true;
  schedule.request();
  await settled();
  assert.deepEqual(said(), ["try", "again in 1000"]);
});

test("stopped, it does not try again", async () => {
  const { schedule, said, advance } = attempts();
  schedule.request();
  await settled();
  await schedule.stop();
  said();
  await advance(86_400_000);
  assert.deepEqual(said(), []);
});
