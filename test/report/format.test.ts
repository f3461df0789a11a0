import assert from "node:assert/strict";
import {
  formatChance,
  formatLatency,
  formatNumber,
  formatRate,
  formatRatio,
  formatReach,
  formatShare,
  formatShareError,
  NONE,
} from "../../src/report/format.ts";
import type { Estimate, Missing, Quantity, Unit } from "../../src/measure/result.ts";
import { suite } from "../support/suite.ts";

const test = suite("format");
/** An estimate without an interval where `reach` is left out. */
const estimate = (value: number | null, reach?: readonly [low: number, high: number]): Estimate =>
  value === null || reach === undefined
    ? { value, interval: null, unit: "1", reason: "too-few-blocks" }
    : { value, interval: reach, unit: "1" };
const missing = (unit: Unit, reason: Missing = "unknown"): Quantity => ({ value: null, unit, reason });

test("a number has three significant digits, all its whole ones, and commas between thousands", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0"],
    [0.012345, "0.0123"],
    [1, "1.00"],
    [9.996, "10.0"],
    [99.96, "100"],
    [123.4, "123"],
    [12345.6, "12,346"],
    [1234567, "1,234,567"],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
});

test("rates are operations or megabytes a second", () => {
  assert.equal(formatRate({ value: 12345.6, unit: "1/s" }), "12,346");
  assert.equal(formatRate({ value: 987_654_321, unit: "B/s" }), "988");
  assert.equal(formatRate({ value: 0, unit: "1/s" }), "0");
  assert.equal(formatRate(missing("1/s")), NONE);
});

test("the reach of an interval is its longer half, in percent", () => {
  assert.equal(formatReach(estimate(100, [98, 103])), "±3.0 %");
  assert.equal(formatReach(estimate(100)), NONE);
  assert.equal(formatReach(estimate(0)), NONE);
});

test("a ratio stands before its interval", () => {
  assert.equal(formatRatio(estimate(0.41234, [0.398, 0.4271])), "0.412 [0.398, 0.427]");
  assert.equal(formatRatio(estimate(0.41234)), "0.412");
  assert.equal(formatRatio(null), NONE);
  assert.equal(formatRatio(estimate(null)), NONE);
});

test("latencies change from microseconds to milliseconds at one millisecond", () => {
  assert.equal(formatLatency({ value: 82.687, unit: "us" }), "82.7 µs");
  assert.equal(formatLatency({ value: 1234.5, unit: "us" }), "1.23 ms");
  assert.equal(formatLatency(missing("us")), NONE);
});

test("shares are percent, chances have a floor", () => {
  assert.equal(formatShare(0.14286), "14.3 %");
  assert.equal(formatShare(null), NONE);
  assert.equal(formatShareError({ value: 0.0123, unit: "1" }), "1.2 %");
  assert.equal(formatShareError(missing("1", "no-flows")), NONE);
  assert.equal(formatShareError(missing("1", "too-few-blocks")), "not enough blocks");
  assert.equal(formatChance({ value: 0.4321, unit: "1" }), "0.43");
  assert.equal(formatChance({ value: 0.0004, unit: "1" }), "0.0004");
  assert.equal(formatChance({ value: 1e-9, unit: "1" }), "< 0.0001");
});
