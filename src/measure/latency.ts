import { mergeHistograms, percentileUs } from "./histogram.ts";
import { FEWEST_BLOCKS } from "./intervals.ts";

/** A percentile of latency in microseconds. */
export interface LatencyFigure {
  /** Of groups of neighbouring blocks, each as small as ten answers beyond the percentile allow; empty: too few of them. */
  readonly groups: readonly number[];
  /** Of all blocks together; undefined when fewer than ten answers lie beyond. */
  readonly whole: number | undefined;
}

/**
 * What percentiles and their intervals are made of. The figure is the geometric mean of the groups', and its interval
 * that of any such mean: from whole blocks, so that what a block does to all of its answers counts once, not once an
 * answer. Where blocks do not fill five groups, the percentile of all of them stands alone.
 *
 * Not the percentile of all blocks with a jackknife: when blocks as a whole differ by 10 %, the few slow ones make up
 * most of what lies beyond the 99th, and 12 blocks give an interval that holds only 89 %.
 *
 * @param blocks encoded histograms, one a block. @param percentiles 0…100, exclusive.
 */
export function latencyFigures(blocks: readonly string[], percentiles: readonly number[]): LatencyFigure[] {
  const whole = mergeHistograms(blocks);
  const grouped: number[][] = percentiles.map(() => []);
  for (let size = 1; blocks.length / size >= FEWEST_BLOCKS; size += 1) {
    const missing = grouped.some((groups) => groups.length === 0);
    if (!missing) break;
    const histograms = groupsOf(blocks, size).map(mergeHistograms);
    for (const [at, percentile] of percentiles.entries()) {
      if (grouped[at]!.length > 0) continue;
      const values = histograms.map((histogram) => percentileUs(histogram, percentile));
      if (values.every((value) => value !== undefined)) grouped[at] = values;
    }
  }
  return percentiles.map((percentile, at) => ({ groups: grouped[at]!, whole: percentileUs(whole, percentile) }));
}

/** Groups of so many neighbours; the last takes those that are left over. */
function groupsOf(blocks: readonly string[], size: number): string[][] {
  const count = Math.floor(blocks.length / size);
  return Array.from({ length: count }, (_, at) =>
    blocks.slice(at * size, at + 1 < count ? (at + 1) * size : undefined),
  );
}
