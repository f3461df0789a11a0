import type { Slice } from "./experiment.ts";
import { type CellResult, quantity, type WorkSummary } from "./result.ts";

/** A thread that is busy for this share of its time has nothing left to give. */
const SATURATED = 0.95;
/** An open loop of which the generator delays more than this share is not what it says it is. */
const MOST_SENT_LATE = 0.01;

/**
 * What of our own held a cell back. With a subject in between nobody but the subject should.
 *
 * @param slices those of the cell that count, one a block.
 */
export function bottleneckOf(
  loop: WorkSummary["loop"],
  slices: readonly Slice[],
): Pick<CellResult, "bottleneck" | "generatorBusy" | "endpointsBusy" | "sentLate"> {
  const generator = median(slices.map(({ busy }) => busy.generator));
  const endpoints = median(slices.map(({ busy }) => busy.backends));
  const sentLate = loop === "open" ? lateShare(slices) : undefined;
  // An open loop waits for the next request by asking for the time: that its thread is busy says nothing.
  const generatorIsFull = loop === "open" ? (sentLate ?? 0) > MOST_SENT_LATE : (generator ?? 0) >= SATURATED;
  return {
    bottleneck: generatorIsFull ? "generator" : (endpoints ?? 0) >= SATURATED ? "endpoints" : null,
    generatorBusy: quantity(generator, "1", "too-few-blocks"),
    endpointsBusy: quantity(endpoints, "1", "too-few-blocks"),
    sentLate: quantity(sentLate, "1", loop === "open" ? "too-few-blocks" : "not-applicable"),
  };
}

/** @returns undefined where nothing was answered. */
function lateShare(slices: readonly Slice[]): number | undefined {
  const answers = slices.reduce((sum, { sample }) => sum + sample.answers, 0);
  return answers === 0 ? undefined : slices.reduce((sum, { sample }) => sum + sample.sentLate, 0) / answers;
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
