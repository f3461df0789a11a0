import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  CERTAIN,
  savedProbability,
  shareThreshold,
  writtenProbability,
} from "../../../src/modes/iptables/probability.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("probabilities of iptables rules");

/** Shares, as kube-proxy writes 1/n (Go's %0.10f), and as iptables-save prints what became of it. */
const shares: readonly (readonly [number, string, string])[] = [
  [1, "1.0000000000", "1.00000000000"],
  [2, "0.5000000000", "0.50000000000"],
  [3, "0.3333333333", "0.33333333349"],
  [4, "0.2500000000", "0.25000000000"],
  [5, "0.2000000000", "0.20000000019"],
  [6, "0.1666666667", "0.16666666651"],
  [7, "0.1428571429", "0.14285714272"],
  [10, "0.1000000000", "0.10000000009"],
  [100, "0.0100000000", "0.00999999978"],
  [1000, "0.0010000000", "0.00100000016"],
  // A tie in the tenth decimal goes to the even digit.
  [2048, "0.0004882812", "0.00048828125"],
  // A tie in the eleventh.
  [4096, "0.0002441406", "0.00024414062"],
  [10_000, "0.0001000000", "0.00009999983"],
];

test("1/n is written with ten decimals, and stored and printed as iptables does", () => {
  for (const [n, written, saved] of shares) {
    const threshold = shareThreshold(n);
    assert.equal(writtenProbability(threshold), written, `1/${n}`);
    assert.equal(savedProbability(threshold), saved, `1/${n}`);
  }
});

test("more endpoints never have a larger share, and the first always has one", () => {
  let before = CERTAIN + 1;
  for (let n = 1; n <= 100_000; n += 1) {
    const threshold = shareThreshold(n);
    assert.ok(threshold <= before && threshold > 0, `1/${n}`);
    before = threshold;
  }
});

test("what is written for a threshold is read back as that threshold, whatever the threshold", () => {
  const threshold = fc.oneof(
    fc.integer({ min: 0, max: CERTAIN }),
    fc.integer({ min: 1, max: 100_000 }).map(shareThreshold),
  );
  const property = fc.property(threshold, (value) => {
    for (const text of [writtenProbability(value), savedProbability(value)]) {
      assert.match(text, /^[01]\.\d{10,11}$/);
      assert.equal(Math.round(Number(text) * CERTAIN), value, text);
    }
  });
  fc.assert(property, { seed, numRuns: runs(20_000, 2000) });
});

test("equal shares follow from the thresholds within two parts in a million, up to 100 endpoints", () => {
  // Rule i of n is reached with the product of what the rules before it let pass.
  for (let n = 1; n <= 100; n += 1) {
    let reached = 1;
    for (let left = n; left >= 1; left -= 1) {
      const taken = reached * (left === 1 ? 1 : shareThreshold(left) / CERTAIN);
      assert.ok(Math.abs(taken * n - 1) < 2e-6, `${n} endpoints, rule ${n - left}: ${taken * n}`);
      reached -= taken;
    }
  }
});
