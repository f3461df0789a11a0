import assert from "node:assert/strict";
import { chiSquareTail, logGamma } from "../../src/measure/chi-square.ts";
import { suite } from "../support/suite.ts";

const test = suite("chi-square");

function near(got: number, expected: number, relative: number): void {
  assert.ok(Math.abs(got - expected) <= relative * Math.abs(expected), `${got} for ${expected}`);
}

/** NIST/SEMATECH e-Handbook of Statistical Methods, §1.3.6.7.4: upper critical values, to three places. */
const critical: readonly { degrees: number; tails: readonly [number, number][] }[] = [
  {
    degrees: 1,
    tails: [
      [0.1, 2.706],
      [0.05, 3.841],
      [0.025, 5.024],
      [0.01, 6.635],
      [0.001, 10.828],
    ],
  },
  {
    degrees: 2,
    tails: [
      [0.1, 4.605],
      [0.05, 5.991],
      [0.025, 7.378],
      [0.01, 9.21],
      [0.001, 13.816],
    ],
  },
  {
    degrees: 6,
    tails: [
      [0.1, 10.645],
      [0.05, 12.592],
      [0.025, 14.449],
      [0.01, 16.812],
      [0.001, 22.458],
    ],
  },
  {
    degrees: 10,
    tails: [
      [0.1, 15.987],
      [0.05, 18.307],
      [0.025, 20.483],
      [0.01, 23.209],
      [0.001, 29.588],
    ],
  },
  {
    degrees: 30,
    tails: [
      [0.1, 40.256],
      [0.05, 43.773],
      [0.025, 46.979],
      [0.01, 50.892],
      [0.001, 59.703],
    ],
  },
  {
    degrees: 100,
    tails: [
      [0.1, 118.498],
      [0.05, 124.342],
      [0.025, 129.561],
      [0.01, 135.807],
      [0.001, 149.449],
    ],
  },
];

test("tails are those of the tables at every tabulated critical value", () => {
  for (const { degrees, tails } of critical) {
    // The critical values are rounded to 0.0005, which moves the tail by less than 0.1 %.
    for (const [tail, statistic] of tails) near(chiSquareTail(statistic, degrees), tail, 0.001);
  }
});

test("with two degrees of freedom the tail is exp(−x/2)", () => {
  for (const x of [0.01, 0.5, 1, 3.9, 4.1, 20, 200]) near(chiSquareTail(x, 2), Math.exp(-x / 2), 1e-10);
});

test("the tail is 1 at 0, falls, and is tiny far out", () => {
  assert.equal(chiSquareTail(0, 5), 1);
  let last = 1;
  for (let x = 1; x <= 60; x += 1) {
    const tail = chiSquareTail(x, 5);
    assert.ok(tail < last, `at ${x}`);
    last = tail;
  }
  assert.ok(last < 1e-10);
});

test("ln Γ is that of factorials and of one half", () => {
  let factorial = 1;
  for (let n = 1; n <= 20; n += 1) {
    near(Math.exp(logGamma(n + 1)), (factorial *= n), 1e-10);
  }
  near(logGamma(0.5), Math.log(Math.PI) / 2, 1e-11);
});
