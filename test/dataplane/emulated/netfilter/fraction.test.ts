import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  formatFraction,
  fraction,
  isNear,
  nearReciprocal,
  nearUnit,
  plus,
  rest,
  times,
  toNumber,
} from "../../../../src/dataplane/emulated/netfilter/fraction.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("fractions");
const some = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 40n }), fc.bigInt({ min: 1n, max: 2n ** 40n }))
  .map(([n, d]) => fraction(n, d));

test("are in lowest terms, with the sign above", () => {
  assert.equal(formatFraction(fraction(6, 4)), "3/2");
  assert.equal(formatFraction(fraction(-6, -4)), "3/2");
  assert.equal(formatFraction(fraction(4, -2)), "-2");
  assert.equal(formatFraction(fraction(0, 7)), "0");
});

test("add and multiply as the numbers do, and parts of one add up to it", () => {
  fc.assert(
    fc.property(some, some, some, (a, b, c) => {
      assert.deepEqual(times(a, plus(b, c)), plus(times(a, b), times(a, c)));
      assert.deepEqual(plus(a, rest(a)), fraction(1, 1));
    }),
    { seed, numRuns: runs(10_000, 500) },
  );
});

test("a threshold of -m statistic is called by the 1/n that it was rounded from, for every n up to 2,000", () => {
  for (let n = 1; n <= 2000; n += 1) {
    const threshold = Math.round(2 ** 31 / n);
    assert.equal(formatFraction(nearReciprocal(fraction(threshold, 2 ** 31))!), n === 1 ? "1" : `1/${n}`);
  }
});

test("what is no 1/n stays what it is", () => {
  assert.equal(nearReciprocal(fraction(2, 5)), undefined);
  assert.equal(formatFraction(nearUnit(fraction(2, 5))), "2/5");
  // 1 - 1/3, rounded to 31 bits.
  assert.equal(formatFraction(nearUnit(fraction(1_431_655_765, 2 ** 31))), "2/3");
  assert.equal(nearReciprocal(plus(fraction(1, 3), fraction(3, 2 ** 30))), undefined);
  assert.ok(isNear(fraction(1, 3), plus(fraction(1, 3), fraction(1, 2 ** 30))));
  assert.equal(toNumber(fraction(1, 4)), 0.25);
});
