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
  /** Leads the client's packets to it, before each of its slices. @default its targets alone do */
  readonly enter?: () => Promise<void>;
  /** How long what carries it out has run so far, in milliseconds. @default unknown, or there is nothing in between */
  readonly processorMs?: () => number | undefined;
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
  /**
   * 0 is the warm-up, which counts for nothing but for the state that it leaves; what goes before it has a number below
   * 0. Blocks count from 1.
   */
  readonly block: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly sample: LoadSample;
  /** What each backend saw of it. */
  readonly seen: readonly BackendCount[];
  /** The share of its time in which each of our own threads had something to do, 0…1. */
  readonly busy: { readonly generator: number; readonly backends: number };
  /** How long what carried the subject out ran meanwhile, in milliseconds; undefined: nobody tells. */
  readonly processorMs?: number | undefined;
}

export interface Experiment {
  /** In the order in which they ran; of finished blocks only. */
  readonly slices: readonly Slice[];
  /** The reference doing each work before everything else: what generator and backends can do without a subject. */
  readonly limits: readonly Slice[];
  /**
   * `plan`: all blocks are done. `precision`: the figures are as precise as was asked for. `signal`: it was stopped.
   * `budget`: its time was over.
   */
  readonly endedBy: "plan" | "precision" | "signal" | "budget";
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
  /** After each block but the warm-up: whether the blocks so far say enough. @default never */
  readonly isEnough?: (slices: readonly Slice[]) => boolean;
  /** After each slice. */
  readonly onSlice?: (done: number, total: number, slice: Slice) => void;
}

const REFERENCE = 0;
/** Rounds before the warm-up in which only the reference runs. */
export const PROBE_ROUNDS = 2;

/**
 * Finds out what generator and backends can do by themselves, runs a warm-up block, then up to `blocks` blocks. In each block every subject does every work once, one slice at a time, in
 * an order drawn anew from the seed: whatever changes slowly on the host (clock speed, neighbours) falls on all of
 * them alike, and subjects are compared within blocks.
 *
 * Blocks end early when `isEnough`. Looking at the figures between blocks makes intervals no shorter than they say, as
 * long as the first look comes after enough blocks (Chow and Robbins, "On the Asymptotic Theory of Fixed-Width Sequential
 * Confidence Intervals", 1965); a test keeps it so.
 */
export async function runExperiment(
  plan: ExperimentPlan,
  rig: Rig,
  { signal, deadline, isEnough, onSlice }: ExperimentHooks = {},
): Promise<Experiment> {
  const end = AbortSignal.any([signal, deadline].filter((one) => one !== undefined));
  const blocks = scheduleBlocks(plan.subjects.length, plan.works, plan.blocks + 1, plan.seed);
  // Twice: what runs first of all runs on cold code, and says nothing of a limit.
  const probes = plan.works.map((work): Cell => ({ subject: REFERENCE, work }));
  const rounds = [...Array.from({ length: PROBE_ROUNDS }, () => probes), ...blocks];
  const total = rounds.reduce((sum, cells) => sum + cells.length, 0);
  const slices: Slice[] = [];
  let limits: readonly Slice[] = [];
  let done = 0;
  let lane = 0;
  for (const [round, cells] of rounds.entries()) {
    const block = round - PROBE_ROUNDS;
    const finished: Slice[] = [];
    for (const cell of cells) {
      const slice = await runSlice(plan, rig, { cell, block, firstLane: lane }, end).catch((error: unknown) => {
        // A terminal's Ctrl-C stops the commands that run, too: what fails after a stop fails because of it.
        if (signal?.aborted !== true) throw error;
        return undefined;
      });
      if (slice === undefined || end.aborted)
        return { slices, limits, endedBy: signal?.aborted === true ? "signal" : "budget" };
      lane += workOf(cell.work).concurrency;
      finished.push(slice);
      onSlice?.((done += 1), total, slice);
    }
    if (block < 0) limits = finished;
    else slices.push(...finished);
    if (block > 0 && block < plan.blocks && isEnough?.(slices) === true)
      return { slices, limits, endedBy: "precision" };
  }
  return { slices, limits, endedBy: "plan" };
}

async function runSlice(
  { subjects, windowMs, messageBytes, timeoutMs }: ExperimentPlan,
  { generator, backends, clock }: Rig,
  { cell, block, firstLane }: { readonly cell: Cell; readonly block: number; readonly firstLane: number },
  signal: AbortSignal,
): Promise<Slice> {
  const { proto, concurrency, name: work } = workOf(cell.work);
  const { targets, enter, processorMs } = subjects[cell.subject]!;
  await enter?.();
  const before = await backends.newSlice();
  await Promise.all([generator.busyShare(), backends.busyShare()]);
  const ranBefore = processorMs?.();
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
  const endedMs = clock.nowMs();
  const ranAfter = processorMs?.();
  const seen = countsSince(before, await backends.counts());
  const busy = { generator: await generator.busyShare(), backends: await backends.busyShare() };
  const ran = ranBefore === undefined || ranAfter === undefined ? undefined : ranAfter - ranBefore;
  return { cell, block, startedMs, endedMs, sample, seen, busy, processorMs: ran };
}
