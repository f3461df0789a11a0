import assert from "node:assert/strict";
import { type BalancePromise, checkBalance, type FlowSlice, largestShareError } from "../../src/measure/balance.ts";
import { suite } from "../support/suite.ts";

const test = suite("balance");

/** Slices of one work, a second apart. */
function slices(...flows: readonly (readonly number[])[]): FlowSlice[] {
  return flows.map((one, at) => ({ flows: one, lanes: 4, own: true, endedMs: (at + 1) * 1000 }));
}

const outcome = (promise: BalancePromise, history: readonly FlowSlice[]): string =>
  checkBalance(promise, history, 0).outcome;

test("exact: every uninterrupted run gives each backend ⌊k/n⌋ or ⌈k/n⌉", () => {
  const promise: BalancePromise = { kind: "exact" };
  assert.deepEqual(checkBalance(promise, slices([4, 3, 3], [3, 3, 4], [1, 0, 0]), 0), {
    outcome: "kept",
    reason: "not-applicable",
    worst: 1,
    allowed: 1,
    chance: undefined,
    slices: 3,
  });
  const broken = checkBalance(promise, slices([4, 3, 3], [5, 3, 4]), 0);
  assert.equal(broken.outcome, "broken");
  assert.equal(broken.worst, 2);
});

test("exact: slices that are each within one may add up to more, and are kept", () => {
  assert.equal(outcome({ kind: "exact" }, slices([4, 3, 3], [4, 3, 3], [4, 3, 3])), "kept");
});

test("uniform random: even enough is kept with its chance, far off is unlikely", () => {
  const promise: BalancePromise = { kind: "uniform-random" };
  const kept = checkBalance(promise, slices([520, 480, 500], [490, 510, 500]), 0);
  assert.equal(kept.outcome, "kept");
  assert.ok(kept.chance! > 0.5, `${kept.chance}`);
  const far = checkBalance(promise, slices([700, 400, 400]), 0);
  assert.equal(far.outcome, "unlikely");
  assert.ok(far.chance! < 1e-20);
});

test("bounded: counts since the start stay within 1 + perLane × (lanes − 1) at the end of every own slice", () => {
  const promise: BalancePromise = { kind: "bounded", perLane: 3, withinMs: 60_000 };
  const kept = checkBalance(promise, slices([20, 10, 12], [5, 15, 14]), 0);
  assert.deepEqual(kept, {
    outcome: "kept",
    reason: "not-applicable",
    worst: 10,
    allowed: 10,
    chance: undefined,
    slices: 2,
  });
  // Each slice for itself differs by 10 at most; together they differ by 12.
  const broken = checkBalance(promise, slices([20, 10, 12], [12, 10, 12]), 0);
  assert.deepEqual(broken, {
    outcome: "broken",
    reason: "not-applicable",
    worst: 12,
    allowed: 10,
    chance: undefined,
    slices: 2,
  });
});

test("bounded: what another work opened counts as well", () => {
  const promise: BalancePromise = { kind: "bounded", perLane: 3, withinMs: 60_000 };
  const [other, own] = slices([30, 0, 0], [2, 25, 25]);
  assert.equal(outcome(promise, [{ ...other!, own: false }, own!]), "kept");
  assert.equal(outcome(promise, [own!]), "broken");
});

test("bounded: a backend may be as far ahead as the lanes at its last flow allow", () => {
  const promise: BalancePromise = { kind: "bounded", perLane: 3, withinMs: 60_000 };
  const [wide, narrow] = slices([20, 0, 0], [0, 1, 1]);
  // With 8 lanes 22 are allowed, and the first backend got its last flow then.
  assert.equal(
    outcome(promise, [
      { ...wide!, lanes: 8 },
      { ...narrow!, lanes: 2 },
    ]),
    "kept",
  );
  assert.equal(
    outcome(promise, [
      { ...wide!, lanes: 8 },
      { ...narrow!, flows: [1, 1, 1], lanes: 2 },
    ]),
    "broken",
  );
});

test("bounded: what ends after the subject has begun to forget is not checked", () => {
  const promise: BalancePromise = { kind: "bounded", perLane: 0, withinMs: 1500 };
  const check = checkBalance(promise, slices([5, 5, 4], [90, 1, 1]), 0);
  assert.equal(check.outcome, "kept");
  assert.equal(check.slices, 1);
  assert.equal(outcome({ ...promise, withinMs: 500 }, slices([90, 1, 1])), "unchecked");
});

test("first: backends at place `reach` of the list or later get nothing", () => {
  const promise: BalancePromise = { kind: "first", order: [2, 1, 0], reach: 2 };
  assert.equal(outcome(promise, slices([0, 4, 9], [0, 0, 3])), "kept");
  const broken = checkBalance(promise, slices([0, 4, 9], [2, 4, 9]), 0);
  assert.equal(broken.outcome, "broken");
  assert.equal(broken.worst, 2);
});

test("first: with fewer backends than that there is nothing to check", () => {
  assert.equal(outcome({ kind: "first", order: [2, 1, 0], reach: 3 }, slices([1, 1, 1])), "unchecked");
});

test("no promise, and no flows, are not checked, and told apart", () => {
  const reasonOf = (promise: BalancePromise, history: readonly FlowSlice[]): string => {
    const check = checkBalance(promise, history, 0);
    assert.deepEqual([check.outcome, check.slices], ["unchecked", 0]);
    return check.reason;
  };
  assert.equal(reasonOf({ kind: "none" }, slices([9, 0, 0])), "not-applicable");
  assert.equal(reasonOf({ kind: "exact" }, slices([0, 0, 0])), "no-flows");
});

test("the share error is the largest distance from an even share; of no flows there is none", () => {
  assert.equal(largestShareError([1, 1, 1, 1]), 0);
  assert.ok(Math.abs(largestShareError([6, 2, 2])! - (0.6 - 1 / 3)) < 1e-12);
  assert.ok(Math.abs(largestShareError([4, 4, 1])! - (1 / 3 - 1 / 9)) < 1e-12);
  assert.equal(largestShareError([0, 0]), undefined);
});
