import { UDP } from "../net/flow.ts";
import { type BalanceCheck, type BalancePromise, checkBalance, type FlowSlice } from "./balance.ts";
import type { BackendCount } from "./echo/counters.ts";
import type { Experiment, Slice } from "./experiment.ts";
import { mergeHistograms, percentileUs } from "./histogram.ts";
import type { LoadErrors } from "./load/task.ts";
import type { Failure } from "./result.ts";
import type { Cell } from "./schedule.ts";
import { type WorkName, workOf } from "./work.ts";

/** The slices of one cell that count, one a block. */
export function countedSlices({ slices }: Pick<Experiment, "slices">, { subject, work }: Cell): Slice[] {
  return slices
    .filter((slice) => slice.block > 0 && slice.cell.subject === subject && slice.cell.work === work)
    .sort((a, b) => a.block - b.block);
}

/** Operations per second, one a block. */
export function ratesOf(slices: readonly Slice[]): number[] {
  return slices.map(({ sample }) => sample.operations / sample.seconds);
}

/** Median latencies, one a block; NaN where there is none. */
export function mediansOf(slices: readonly Slice[]): number[] {
  return slices.map(({ sample }) => percentileUs(mergeHistograms([sample.latency]), 50) ?? Number.NaN);
}

/**
 * What tells a subject from the reference, one a block: its rate, or of an open loop, where all have the rate that is asked
 * for, its median latency.
 */
export function tellingOf(work: WorkName, slices: readonly Slice[]): number[] {
  return isOpenLoop(work) ? mediansOf(slices) : ratesOf(slices);
}

export function isOpenLoop(work: WorkName): boolean {
  return workOf(work).ratePerSecond !== undefined;
}

export function totalErrors(errors: LoadErrors): number {
  return errors.refused + errors.dropped + errors.timedOut + errors.wrong;
}

export function sumErrors(slices: readonly Slice[]): LoadErrors {
  const sum = (kind: keyof LoadErrors): number => slices.reduce((n, { sample }) => n + sample.errors[kind], 0);
  return { refused: sum("refused"), dropped: sum("dropped"), timedOut: sum("timedOut"), wrong: sum("wrong") };
}

/** One count of each of these backends, summed over slices. */
export function sumSeen(slices: readonly Slice[], backends: readonly number[], field: keyof BackendCount): number[] {
  return backends.map((backend) => slices.reduce((sum, { seen }) => sum + seen[backend]![field], 0));
}

/** What a work's flows are to the backends. */
export function flowField({ work }: Cell): "connections" | "flows" {
  return workOf(work).proto === UDP ? "flows" : "connections";
}

/** Holds a cell's distribution against the promise. @param backends those of the cell's service. */
export function checkCell(
  { slices }: Experiment,
  cell: Cell,
  backends: readonly number[],
  promise: BalancePromise,
): BalanceCheck {
  const field = flowField(cell);
  const sameBackends = slices.filter((slice) => slice.cell.subject === cell.subject && flowField(slice.cell) === field);
  const history = sameBackends.map((slice): FlowSlice => {
    const { work } = slice.cell;
    return {
      flows: sumSeen([slice], backends, field),
      lanes: workOf(work).concurrency,
      own: slice.block > 0 && work === cell.work,
      endedMs: slice.endedMs,
    };
  });
  return checkBalance(promise, history, sameBackends[0]?.startedMs ?? 0);
}

/** What went wrong in a cell, the warm-up included: each reason once. */
export function failureReasons({ slices }: Experiment, cell: Cell, check: BalanceCheck): Failure["reason"][] {
  const own = slices.filter((slice) => slice.cell.subject === cell.subject && slice.cell.work === cell.work);
  const errors = sumErrors(own);
  const reasons: Failure["reason"][] = [];
  if (errors.wrong > 0) reasons.push("wrong-answer");
  if (totalErrors(errors) > errors.wrong) reasons.push("unanswered");
  if (own.some(lostCount)) reasons.push("lost-count");
  if (check.outcome === "broken") reasons.push("promise-broken");
  return reasons;
}

/** Without errors the backends have seen exactly what was answered. */
function lostCount({ sample, seen }: Slice): boolean {
  if (totalErrors(sample.errors) > 0) return false;
  return seen.reduce((sum, { requests }) => sum + requests, 0) !== sample.answers;
}
