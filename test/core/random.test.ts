import assert from "node:assert/strict";
import * as fc from "fast-check";
import { freshSeed, seededRandom } from "../../src/core/random.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("random");

/** sfc32 as PractRand writes it, in whole numbers without a sign. */
function* sfc32(seed: number): Generator<number, never> {
  const u32 = (n: bigint): bigint => BigInt.asUintN(32, n);
  let [a, b, c, counter] = [u32(BigInt(seed)), 0x9e3779b9n, u32(~BigInt(seed)), 1n];
  for (let n = 0; ; n += 1) {
    const out = u32(a + b + counter);
    counter = u32(counter + 1n);
    a = b ^ (b >> 9n);
    b = u32(c + (c << 3n));
    c = u32(((c << 21n) | (c >> 11n)) + out);
    if (n >= 12) yield Number(out);
  }
}

test("is sfc32, filled with the seed and mixed 12 times", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }), (seed) => {
      const [random, reference] = [seededRandom(seed), sfc32(seed)];
      for (let i = 0; i < 40; i += 1) assert.equal(random.u32(), reference.next().value);
    }),
    { seed, numRuns: runs(2000, 100) },
  );
});

test("gives the same numbers for the same seed, others for another", () => {
  const first = (seed: number): number[] => {
    const { u32 } = seededRandom(seed);
    return Array.from({ length: 20 }, u32);
  };
  assert.deepEqual(first(1), first(1));
  assert.deepEqual(first(1), first(1 + 2 ** 32));
  assert.notDeepEqual(first(1), first(2));
  assert.equal(new Set(Array.from({ length: 1000 }, (_, seed) => first(seed)[0])).size, 1000);
});

test("below(n) is the draw modulo n, without the draws that would favour small numbers", () => {
  // Of 2³² numbers the last 2³² mod n are one incomplete run: for n = 3·2³⁰ that is a quarter of all draws.
  for (const n of [1, 2, 3, 10, 65_535, 3 * 2 ** 30, 2 ** 31, 2 ** 31 + 1, 2 ** 32]) {
    const [random, reference] = [seededRandom(seed), sfc32(seed)];
    for (let i = 0; i < 200; i += 1) {
      let draw = reference.next().value;
      while (draw >= 2 ** 32 - (2 ** 32 % n)) draw = reference.next().value;
      assert.equal(random.below(n), draw % n, `seed ${seed}, below(${n})`);
    }
  }
});

test("gives every number below 7 a seventh of 140 000 draws", () => {
  const random = seededRandom(seed);
  const hits = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 140_000; i += 1) hits[random.below(7)]! += 1;
  const chiSquare = hits.reduce((sum, n) => sum + (n - 20_000) ** 2 / 20_000, 0);
  // 6 degrees of freedom; P(chi² ≥ k + 2√(kx) + 2x) ≤ e⁻ˣ (Laurent and Massart 2000, lemma 1), x = 21: once in 10⁹.
  assert.ok(chiSquare < 6 + 2 * Math.sqrt(6 * 21) + 2 * 21, `seed ${seed}: chi² ${chiSquare}`);
});

test("sets every bit of a draw half of the time", () => {
  const random = seededRandom(seed);
  const ones = Array.from({ length: 32 }, () => 0);
  for (let i = 0; i < 40_000; i += 1) {
    const draw = random.u32();
    for (let bit = 0; bit < 32; bit += 1) ones[bit]! += (draw >>> bit) & 1;
  }
  // A fair bit has σ = √(40 000)/2 = 100; 32 bits stay within 7σ but once in 10¹⁰ runs.
  for (const [bit, n] of ones.entries()) assert.ok(Math.abs(n - 20_000) < 700, `seed ${seed}: bit ${bit} ${n} times`);
});

test("a fresh seed is 32 bits, and another one each time", () => {
  const seeds = Array.from({ length: 50 }, freshSeed);
  assert.ok(seeds.every((one) => Number.isInteger(one) && one >= 0 && one < 2 ** 32));
  // Two of 50 are equal in 1 of 3.5 million runs; 3 pairs are not seen.
  assert.ok(new Set(seeds).size > 47);
});
