import type { Clock } from "../core/clock.ts";
import { UDP } from "../net/flow.ts";
import type { EchoBackends } from "./echo/backends.ts";
import { type BackendCount, countsSince } from "./echo/counters.ts";
import type { LoadGenerator } from "./load/generator.ts";
import type { LoadSample, LoadTarget } from "./load/task.ts";
import { type Cell, scheduleBlocks } from "./schedule.ts";
import { type WorkName, workOf } from "./work.ts";

/** Something to be measured: where clients reach it. It is ready, and idle while others run. */
export interface Subject {
  readonly name: string;
  /** One address, or all endpoints where the client goes to them by itself, in turn. */
  readonly targets: { readonly tcp: readonly LoadTarget[]; readonly udp: readonly LoadTarget[] };
}

export interface ExperimentPlan {
  readonly subjects: readonly Subject[];
  readonly works: readonly WorkName[];
  /** Blocks that count; one more, the warm-up, goes before them. */
  readonly blocks: number;
  /** How long each slice sends, in milliseconds. */
  readonly windowMs: number;
  readonly messageBytes: number;
  readonly timeoutMs: number;
  /** Of the order of slices. */
  readonly seed: number;
}

/** One subject doing one work for a while. */
export interface Slice {
  readonly cell: Cell;
  /** 0 is the warm-up, which counts for nothing but for the state that it leaves; blocks count from 1. */
  readonly block: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly sample: LoadSample;
  /** What each backend saw of it. */
  readonly seen: readonly BackendCount[];
}

export interface Experiment {
  /** In the order in which they ran; of finished blocks only. */
  readonly slices: readonly Slice[];
  /** `plan`: all blocks are done. `signal`: it was stopped. `budget`: its time was over. */
  readonly endedBy: "plan" | "signal" | "budget";
}

/** What the slices run on. */
export interface Rig {
  readonly generator: LoadGenerator;
  readonly backends: EchoBackends;
  readonly clock: Clock;
}

export interface ExperimentHooks {
  /** Stops it. */
  readonly signal?: AbortSignal;
  /** Aborts when its time is over: ends it as `signal` does, in the middle of a slice. */
  readonly deadline?: AbortSignal;
  /** After each slice. */
  readonly onSlice?: (done: number, total: number) => void;
}

/**
 * Runs a warm-up block, then `blocks` blocks. In each block every subject does every work once, one slice at a time, in
 * an order drawn anew from the seed: whatever changes slowly on the host (clock speed, neighbours) falls on all of
 * them alike, and subjects are compared within blocks.
 */
export async function runExperiment(
  plan: ExperimentPlan,
  rig: Rig,
  { signal, deadline, onSlice }: ExperimentHooks = {},
): Promise<Experiment> {
  const end = AbortSignal.any([signal, deadline].filter((one) => one !== undefined));
  const blocks = scheduleBlocks(plan.subjects.length, plan.works, plan.blocks + 1, plan.seed);
  const total = blocks.reduce((sum, cells) => sum + cells.length, 0);
  const slices: Slice[] = [];
  let lane = 0;
  for (const [block, cells] of blocks.entries()) {
    const finished: Slice[] = [];
    for (const cell of cells) {
      const slice = await runSlice(plan, rig, { cell, block, firstLane: lane }, end);
      if (end.aborted) return { slices, endedBy: signal?.aborted === true ? "signal" : "budget" };
      lane += workOf(cell.work).concurrency;
      finished.push(slice);
      onSlice?.(slices.length + finished.length, total);
    }
    slices.push(...finished);
  }
  return { slices, endedBy: "plan" };
}

async function runSlice(
  { subjects, windowMs, messageBytes, timeoutMs }: ExperimentPlan,
  { generator, backends, clock }: Rig,
  { cell, block, firstLane }: { readonly cell: Cell; readonly block: number; readonly firstLane: number },
  signal: AbortSignal,
): Promise<Slice> {
  const { proto, concurrency, name: work } = workOf(cell.work);
  const { targets } = subjects[cell.subject]!;
  const before = await backends.newSlice();
  const startedMs = clock.nowMs();
  const sample = await generator.run(
    {
      work,
      targets: proto === UDP ? targets.udp : targets.tcp,
      concurrency,
      messageBytes,
      windowMs,
      timeoutMs,
      firstLane,
    },
    signal,
  );
  const seen = countsSince(before, backends.counts());
  return { cell, block, startedMs, endedMs: clock.nowMs(), sample, seen };
}
