import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  createLatencyHistogram,
  encodeHistogram,
  mergeHistograms,
  percentileUs,
  recordLatency,
} from "../../src/measure/histogram.ts";
import { seededRandom } from "../../src/core/random.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("histogram");

/** The smallest sample that at least p % of the samples do not exceed. */
function sortedPercentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(Math.ceil((p / 100) * sorted.length), 1) - 1]!;
}

function histogramOf(latenciesMs: readonly number[]) {
  const histogram = createLatencyHistogram();
  for (const ms of latenciesMs) recordLatency(histogram, ms);
  return histogram;
}

test("percentiles are those of the sorted samples, to one part in a thousand", () => {
  const samples = fc.array(fc.double({ min: 0.001, max: 5000, noNaN: true }), { minLength: 1000, maxLength: 1500 });
  const check = (latenciesMs: readonly number[]): void => {
    const histogram = histogramOf(latenciesMs);
    for (const p of [50, 90, 99]) {
      const expectedUs = sortedPercentile(latenciesMs, p) * 1000;
      const gotUs = percentileUs(histogram, p)!;
      assert.ok(Math.abs(gotUs - expectedUs) <= expectedUs / 1000 + 0.001, `p${p}: ${gotUs} for ${expectedUs}`);
    }
  };
  fc.assert(fc.property(samples, check), { seed, numRuns: runs(100, 10) });
});

test("a percentile needs ten samples beyond it", () => {
  const latencies = Array.from({ length: 999 }, () => 1);
  assert.equal(percentileUs(histogramOf(latencies), 99), undefined);
  assert.ok(Math.abs(percentileUs(histogramOf([...latencies, 1]), 99)! - 1000) <= 1);
  assert.equal(percentileUs(histogramOf(latencies.slice(0, 19)), 50), undefined);
  assert.ok(percentileUs(histogramOf(latencies.slice(0, 20)), 50) !== undefined);
});

test("encoded histograms add up to the histogram of all samples", () => {
  const random = seededRandom(3);
  const samples = Array.from({ length: 3000 }, () => (random.below(1_000_000) + 1) / 1000);
  const parts = [samples.slice(0, 1000), samples.slice(1000, 1500), samples.slice(1500)];
  const merged = mergeHistograms(parts.map((part) => encodeHistogram(histogramOf(part))));
  const whole = histogramOf(samples);
  assert.equal(merged.totalCount, 3000);
  for (const p of [1, 50, 99]) assert.equal(merged.getValueAtPercentile(p), whole.getValueAtPercentile(p));
  assert.match(encodeHistogram(whole), /^HISTFAAA/);
});

test("latencies outside 1 ns…60 s are kept at the ends, not lost", () => {
  const histogram = histogramOf([0, 1e9]);
  assert.equal(histogram.totalCount, 2);
  assert.equal(histogram.minNonZeroValue, 1);
  assert.ok(Math.abs(histogram.maxValue / 60e9 - 1) < 0.001);
});

test("no histograms make an empty one", () => {
  assert.equal(mergeHistograms([]).totalCount, 0);
  assert.equal(percentileUs(mergeHistograms([]), 50), undefined);
});
