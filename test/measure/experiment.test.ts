import assert from "node:assert/strict";
import { manualClock } from "../../src/core/clock.ts";
import { type Experiment, type ExperimentHooks, runExperiment } from "../../src/measure/experiment.ts";
import { createLatencyHistogram, encodeHistogram } from "../../src/measure/histogram.ts";
import type { LoadSample } from "../../src/measure/load/task.ts";
import { suite } from "../support/suite.ts";
import { noErrors, plan } from "./synthetic.ts";

/** Three subjects, two works: six slices a block; a warm-up and six blocks. */
const test = suite("experiment");
const CELLS = 6;
const sample: LoadSample = {
  operations: 1,
  seconds: 0.5,
  latency: encodeHistogram(createLatencyHistogram()),
  errors: noErrors,
  answers: 1,
  opened: 1,
  bytes: 64,
  sentLate: 0,
};

/** The reference doing both works, twice. */
const PROBES = 4;
const backends = {
  ports: [],
  newSlice: () => Promise.resolve([]),
  counts: () => Promise.resolve([]),
  busyShare: () => Promise.resolve(0.25),
  close: () => Promise.resolve(),
};

interface Ran {
  readonly experiment: Experiment;
  /** Slices that began. */
  readonly began: number;
}

/** Runs the plan on a rig without threads. @param onBegin is called in the middle of each slice, with its number from 1. */
async function run(onBegin: (slice: number) => void, hooks: ExperimentHooks = {}): Promise<Ran> {
  const clock = manualClock();
  let began = 0;
  const generator = {
    name: "node" as const,
    busyShare: () => Promise.resolve(0.5),
    run(_: unknown, signal?: AbortSignal): Promise<LoadSample> {
      began += 1;
      clock.advance(signal?.aborted === true ? 0 : 500);
      onBegin(began);
      return Promise.resolve(sample);
    },
    close: () => Promise.resolve(),
  };
  const experiment = await runExperiment(plan, { generator, backends, clock }, hooks);
  return { experiment, began };
}

const blocksOf = ({ slices }: Experiment): number[] => [...new Set(slices.map(({ block }) => block))];

test("without a signal all blocks are done, the warm-up first", async () => {
  const { experiment, began } = await run(() => {});
  assert.equal(experiment.endedBy, "plan");
  assert.equal(began, PROBES + 7 * CELLS);
  assert.deepEqual(blocksOf(experiment), [0, 1, 2, 3, 4, 5, 6]);
});

test("a signal and a deadline end it in the middle of a slice, and only whole blocks are kept", async () => {
  for (const [hook, endedBy] of [
    ["signal", "signal"],
    ["deadline", "budget"],
  ] as const) {
    const abort = new AbortController();
    // The fourth slice of block 2.
    const last = PROBES + 2 * CELLS + 4;
    const { experiment, began } = await run((slice) => slice === last && abort.abort(), { [hook]: abort.signal });
    assert.equal(experiment.endedBy, endedBy);
    assert.equal(began, last);
    assert.deepEqual(blocksOf(experiment), [0, 1]);
    assert.equal(experiment.slices.length, 2 * CELLS);
  }
});

test("the generator is told of both, so that a slice that hangs ends too", async () => {
  for (const hook of ["signal", "deadline"] as const) {
    const { experiment, began } = await run(() => {}, { [hook]: AbortSignal.abort() });
    assert.equal(began, 1);
    assert.equal(experiment.slices.length, 0);
  }
  const deadline = new AbortController();
  const hanging = {
    name: "node" as const,
    busyShare: () => Promise.resolve(0),
    run: (_: unknown, signal?: AbortSignal) =>
      new Promise<LoadSample>((resolve) => {
        signal!.addEventListener("abort", () => resolve(sample));
        deadline.abort();
      }),
    close: () => Promise.resolve(),
  };
  const rig = { generator: hanging, backends, clock: manualClock() };
  const { endedBy } = await runExperiment(plan, rig, { deadline: deadline.signal });
  assert.equal(endedBy, "budget");
});

test("what fails after a signal fails because of it; what fails without one is an error", async () => {
  for (const isStopped of [true, false]) {
    const abort = new AbortController();
    const failing = {
      name: "node" as const,
      busyShare: () => Promise.resolve(0),
      run: () => {
        if (isStopped) abort.abort();
        return Promise.reject(new Error("the command was ended"));
      },
      close: () => Promise.resolve(),
    };
    const running = runExperiment(
      plan,
      { generator: failing, backends, clock: manualClock() },
      { signal: abort.signal },
    );
    if (isStopped) assert.deepEqual(await running, { slices: [], limits: [], endedBy: "signal" });
    else await assert.rejects(running, /the command was ended/);
  }
});

test("of both together the signal is what ended it", async () => {
  const { experiment } = await run(() => {}, { signal: AbortSignal.abort(), deadline: AbortSignal.abort() });
  assert.equal(experiment.endedBy, "signal");
});

test("one that comes when the last slice is done takes nothing back", async () => {
  const abort = new AbortController();
  const hooks = { signal: abort.signal, onSlice: (done: number, total: number) => done === total && abort.abort() };
  const { experiment } = await run(() => {}, hooks);
  assert.equal(experiment.endedBy, "plan");
  assert.deepEqual(blocksOf(experiment), [0, 1, 2, 3, 4, 5, 6]);
});

test("before everything else the reference does each work twice; the second time is its limit", async () => {
  const { experiment } = await run(() => {});
  assert.deepEqual(
    experiment.limits.map(({ cell, block }) => [cell.subject, cell.work, block]),
    plan.works.map((work) => [0, work, -1]),
  );
  assert.deepEqual(experiment.limits[0]!.busy, { generator: 0.5, backends: 0.25 });
});

test("it ends after the block that is enough, which no warm-up is; the last one ends it anyway", async () => {
  const asked: number[] = [];
  const isEnough = (slices: readonly unknown[]): boolean => {
    asked.push(slices.length);
    return slices.length === 3 * CELLS;
  };
  const { experiment } = await run(() => {}, { isEnough });
  assert.equal(experiment.endedBy, "precision");
  assert.deepEqual(asked, [2 * CELLS, 3 * CELLS]);
  assert.deepEqual(blocksOf(experiment), [0, 1, 2]);
  assert.equal((await run(() => {}, { isEnough: () => false })).experiment.endedBy, "plan");
});
