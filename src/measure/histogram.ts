import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";

/** Longest latency that is told apart, in nanoseconds: 60 s, beyond every time-out. */
const LONGEST_NS = 60e9;

/** An empty histogram of latencies in whole nanoseconds, 1 ns…60 s, kept to three significant digits. */
export function createLatencyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NS,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    autoResize: false,
  });
}

/** @param ms a latency in milliseconds; below 1 ns counts as 1 ns, above 60 s as 60 s. */
export function recordLatency(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(Math.max(Math.round(ms * 1e6), 1), LONGEST_NS));
}

/** Adds latencies that were counted already. @param counted nanoseconds, and how often. */
export function recordLatencies(
  histogram: Histogram,
  counted: readonly (readonly [ns: number, count: number])[],
): void {
  for (const [ns, count] of counted) histogram.recordValueWithCount(Math.min(Math.max(ns, 1), LONGEST_NS), count);
}

/** HdrHistogram's V2 compressed encoding in base64 (`HISTFAAA…`), which the tools around wrk2 read. */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** Adds up encoded histograms. No histogram gives an empty one. */
export function mergeHistograms(encoded: Iterable<string>): Histogram {
  const sum = createLatencyHistogram();
  for (const one of encoded) sum.add(decodeFromCompressedBase64(one));
  return sum;
}

/** A percentile says something only when this many samples lie beyond it. */
const SAMPLES_BEYOND = 10;

/**
 * @param percentile 0…100, exclusive.
 * @returns microseconds; undefined when fewer than 10 samples lie beyond the percentile.
 */
export function percentileUs(histogram: Histogram, percentile: number): number | undefined {
  if (histogram.totalCount * (1 - percentile / 100) < SAMPLES_BEYOND) return undefined;
  return histogram.getValueAtPercentile(percentile) / 1000;
}
