import assert from "node:assert/strict";
import { createLatencyHistogram, encodeHistogram, recordLatency } from "../../src/measure/histogram.ts";
import { latencyFigures } from "../../src/measure/latency.ts";
import { suite } from "../support/suite.ts";

const test = suite("latency");

/** A block whose answers lie evenly over 0…`mostMs`. */
function evenly(count: number, mostMs: number): string {
  const histogram = createLatencyHistogram();
  for (let at = 1; at <= count; at += 1) recordLatency(histogram, (mostMs * at) / count);
  return encodeHistogram(histogram);
}

const near = (value: number | undefined, expected: number): void =>
  assert.ok(Math.abs(value! / expected - 1) < 0.005, `${value} for ${expected}`);

test("a percentile has one value a block where ten answers lie beyond it in each", () => {
  const blocks = [1, 2, 3, 4, 5, 6].map((mostMs) => evenly(1000, mostMs));
  const [p50, p99] = latencyFigures(blocks, [50, 99]);
  assert.deepEqual([p50!.groups.length, p99!.groups.length], [6, 6]);
  for (const [at, value] of p50!.groups.entries()) near(value, 500 * (at + 1));
  for (const [at, value] of p99!.groups.entries()) near(value, 990 * (at + 1));
});

test("where fewer do, neighbours make a group, as small as possible; the last takes what is left over", () => {
  // Of 400 answers 4 lie beyond p99: three blocks make 12. Sixteen blocks are five groups, the last of four.
  const blocks = Array.from({ length: 16 }, (_, at) => evenly(400, at < 12 ? 1 : 2));
  const [p50, p99] = latencyFigures(blocks, [50, 99]);
  assert.deepEqual([p50!.groups.length, p99!.groups.length], [16, 5]);
  for (const [at, value] of p99!.groups.entries()) near(value, at < 4 ? 990 : 1980);
});

test("fewer than five groups give no values, and the percentile of all blocks stands alone", () => {
  const [p99, p9999] = latencyFigures(
    Array.from({ length: 9 }, () => evenly(600, 1)),
    [99, 99.99],
  );
  assert.deepEqual(p99!.groups, []);
  near(p99!.whole, 990);
  assert.deepEqual(p9999, { groups: [], whole: undefined });
  assert.deepEqual(
    latencyFigures(
      Array.from({ length: 4 }, () => evenly(5000, 1)),
      [50],
    )[0]!.groups,
    [],
  );
});

test("nothing has no percentile", () => {
  assert.deepEqual(latencyFigures([], [50]), [{ groups: [], whole: undefined }]);
});
