import assert from "node:assert/strict";
import * as fc from "fast-check";
import { durationMs, formatGoDuration, parseGoDuration } from "../../../src/agent/config/go-duration.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("Go durations");

/** Text, nanoseconds, and what Go writes: time.ParseDuration, time.Duration.String. */
const cases: readonly (readonly [text: string, ns: bigint, canonical: string])[] = [
  ["0", 0n, "0s"],
  ["0s", 0n, "0s"],
  ["+5s", 5_000_000_000n, "5s"],
  ["30s", 30_000_000_000n, "30s"],
  ["90s", 90_000_000_000n, "1m30s"],
  ["1m30s", 90_000_000_000n, "1m30s"],
  ["1h", 3_600_000_000_000n, "1h0m0s"],
  ["24h0m0s", 86_400_000_000_000n, "24h0m0s"],
  ["1.5h", 5_400_000_000_000n, "1h30m0s"],
  [".5s", 500_000_000n, "500ms"],
  ["5.s", 5_000_000_000n, "5s"],
  ["1.0000001s", 1_000_000_100n, "1.0000001s"],
  ["250ms", 250_000_000n, "250ms"],
  ["1us", 1000n, "1µs"],
  ["1.5µs", 1500n, "1.5µs"],
  ["1μs", 1000n, "1µs"],
  ["999ns", 999n, "999ns"],
  ["1h1ms", 3_600_001_000_000n, "1h0m0.001s"],
  ["0.3333333333333333333h", 1_199_999_999_999n, "19m59.999999999s"],
  ["2562047h47m16.854775807s", 2n ** 63n - 1n, "2562047h47m16.854775807s"],
];

for (const [text, ns, canonical] of cases) {
  test(`${text} is ${ns} ns, which Go writes as ${canonical}`, () => {
    assert.equal(parseGoDuration(text), ns);
    assert.equal(formatGoDuration(ns), canonical);
  });
}

test("what Go refuses, what is negative and what is too long is no duration", () => {
  for (const text of ["", "1", "30 s", "s", ".s", "1d", "1h-5m", "-1s", "1S", "1.5.5s", "2562048h", " 1s", "1e3s"]) {
    assert.equal(parseGoDuration(text), undefined, text);
  }
});

test("any duration reads as what it was written from", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 63n - 1n), (ns) => assert.equal(parseGoDuration(formatGoDuration(ns)), ns)),
    { seed, numRuns: runs(10_000, 1000) },
  );
});

test("milliseconds keep their fractions", () => {
  assert.equal(durationMs("1m0.0005s"), 60_000.5);
});
