import type { LoadGenerator } from "../../src/measure/load/generator.ts";
import { mergeHistograms, percentileUs } from "../../src/measure/histogram.ts";
import type { LoadTask } from "../../src/measure/load/task.ts";

/** What a tool says of one slice. */
export interface SliceFigures {
  /** Operations, or bytes, a second. */
  readonly rate: number;
  /** From a question to its answer, in microseconds; undefined where there are no single answers. */
  readonly medianUs?: number | undefined;
  readonly p99Us?: number | undefined;
}

export type Slice = () => Promise<SliceFigures>;

/** @throws {Error} when something was not answered right: a figure of other work compares with nothing. */
export async function ourSlice(generator: LoadGenerator, task: LoadTask): Promise<SliceFigures> {
  const { operations, seconds, latency, errors } = await generator.run(task);
  if (Object.values(errors).some((count) => count > 0)) {
    throw new Error(`${generator.name} in ${task.work}: ${JSON.stringify(errors)}`);
  }
  const histogram = mergeHistograms([latency]);
  return { rate: operations / seconds, medianUs: percentileUs(histogram, 50), p99Us: percentileUs(histogram, 99) };
}
