import assert from "node:assert/strict";
import { seededRandom } from "../../src/core/random.ts";
import { chanceOfUneven } from "../../src/measure/even-chance.ts";
import { suite } from "../support/suite.ts";

const test = suite("chance of an uneven outcome");

/** Counts all ways to place the flows, one by one. */
function byEnumeration(counts: readonly number[]): number {
  const flows = counts.reduce((sum, n) => sum + n, 0);
  const squares = (of: readonly number[]): number => of.reduce((sum, n) => sum + n * n, 0);
  let asUneven = 0;
  for (let way = 0; way < counts.length ** flows; way += 1) {
    const placed = counts.map(() => 0);
    for (let rest = way, flow = 0; flow < flows; flow += 1, rest = Math.floor(rest / counts.length)) {
      placed[rest % counts.length]! += 1;
    }
    if (squares(placed) >= squares(counts)) asUneven += 1;
  }
  return asUneven / counts.length ** flows;
}

test("of few flows the chance is exact: that of counting all ways", () => {
  for (const counts of [
    [2, 1],
    [3, 0],
    [4, 2, 0],
    [3, 3, 1],
    [2, 2, 2],
    [5, 0, 0, 1],
    [0, 0, 4],
  ]) {
    const [got, expected] = [chanceOfUneven(counts), byEnumeration(counts)];
    assert.ok(Math.abs(got - expected) < 1e-9, `${counts}: ${got} for ${expected}`);
  }
});

test("of many flows it is the chi-square tail", () => {
  // 60 flows over 3: (25² + 20² + 15²) × 3/60 − 60 = 2.5, and with 2 degrees of freedom the tail is exp(−2.5/2).
  assert.ok(Math.abs(chanceOfUneven([25, 20, 15]) - Math.exp(-1.25)) < 1e-9);
});

test("of 500 random outcomes about one in ten has a chance below 0.1, few and many flows alike", () => {
  const random = seededRandom(11);
  for (const [flows, backends] of [
    [30, 7],
    [500, 7],
  ] as const) {
    let low = 0;
    for (let run = 0; run < 500; run += 1) {
      const counts = Array.from({ length: backends }, () => 0);
      for (let flow = 0; flow < flows; flow += 1) counts[random.below(backends)]! += 1;
      if (chanceOfUneven(counts) < 0.1) low += 1;
    }
    // Standard deviation √(500 × 0.1 × 0.9) = 6.7; the exact test is discrete, and may only stay below.
    assert.ok(low > 20 && low < 78, `${flows} flows: ${low} of 500`);
  }
});

test("nothing to be uneven has chance 1", () => {
  assert.equal(chanceOfUneven([]), 1);
  assert.equal(chanceOfUneven([17]), 1);
  assert.equal(chanceOfUneven([0, 0, 0]), 1);
});

test("one flow in five missing on one of seven backends is found among 7000 flows", () => {
  assert.ok(chanceOfUneven([800, 1033, 1033, 1034, 1034, 1033, 1033]) < 1e-5);
});
