import { decodeFromCompressedBase64 } from "hdr-histogram-js";
import type { BenchResult } from "../measure/result.ts";

/** A latency distribution as the tools around HdrHistogram plot it. */
export interface Hgrm {
  /** `subject-work.hgrm`: a name for a file. */
  readonly file: string;
  readonly text: string;
}

/** Lines a halving of the distance to 100 %: what HdrHistogram's own tools write by default. */
const TICKS = 5;
const NS_A_US = 1000;

/** The latency distribution of every cell that has one, in microseconds. */
export function hgrmFiles({ cells }: BenchResult): Hgrm[] {
  return cells.flatMap(({ subject, work, latency }) => {
    if (latency === null) return [];
    const histogram = decodeFromCompressedBase64(latency.hdrHistogram);
    return [{ file: `${subject}-${work}.hgrm`, text: histogram.outputPercentileDistribution(TICKS, NS_A_US) }];
  });
}
