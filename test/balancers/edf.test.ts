import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { assertChance } from "../support/chance.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("edf");
const flow = sampleFlows(1, 1)[0]!;

/** Slots 0, 1, … added in this order. */
function driven(weights: readonly number[], options: object = {}, randomSeed = seed): DrivenSet {
  const { create, stateWords } = algorithm("edf", options);
  const set = createBackendSet(weights.length + 1);
  const state = new Int32Array(stateWords(weights.length + 1));
  const subject = new DrivenSet(set, create(set, state, seededRandom(randomSeed)));
  for (const [slot, weight] of weights.entries()) subject.add(slot, weight);
  return subject;
}

const picks = ({ balancer }: DrivenSet, count: number): string =>
  Array.from({ length: count }, () => "abcdefgh"[balancer.pick(flow, 0)]).join(" ");

test("picks equal weights in turn, in the order in which they were added", () => {
  assert.equal(picks(driven([3, 3, 3]), 7), "a b c a b c a");
});

test("picks the earliest deadline, and of equal ones the one that was set first", () => {
  // Deadlines of a (weight 4): 1/4, 1/2, 3/4, 1, …; of b (2): 1/2, 1, …; of c (1): 1. At 1/2, b's was set before a's
  // second one; at 1, c's was set first, then b's second one, then a's fourth one.
  assert.equal(picks(driven([4, 2, 1]), 14), "a b a a c b a a b a a c b a");
});

test("adds a backend one turn from now, and lets a new weight count from its next pick on", () => {
  const subject = driven([1, 1]);
  assert.equal(picks(subject, 1), "a");
  // The time is 1. c is due at 3/2, b at 1, a at 2.
  subject.add(2, 2);
  assert.equal(picks(subject, 3), "b c a");
  // The time is 2; b and c are due at 2, a at 3.
  subject.reweigh(0, 3);
  // b at 2, c at 2 and 5/2; at 3 a, b, c in the order in which they got there; a at 10/3, c at 7/2, a at 11/3.
  assert.equal(picks(subject, 9), "b c c a b c a c a");
});

test("starts at random where it is told to: the first of 8 equal backends differs, the turn stays whole", () => {
  const firsts = new Set<string>();
  for (let start = 0; start < 60; start += 1) {
    const subject = driven([1, 1, 1, 1, 1, 1, 1, 1], { start: "random" }, seed + start);
    const turn = picks(subject, 8);
    firsts.add(turn[0]!);
    assert.equal(turn.split(" ").sort().join(""), "abcdefgh");
    assert.equal(picks(subject, 8), turn);
  }
  // Each of 60 is as likely the first: one of the 8 never is in 8 × (7/8)⁶⁰ = 0.3 % of the runs, two in 28 × (6/8)⁶⁰, one
  // in a million runs; three in 56 × (5/8)⁶⁰, one in 10¹⁰.
  assert.ok(firsts.size >= 6, `seed ${seed}: ${[...firsts].join(" ")}`);
});

test("draws a random part of the first turn: of weights 4 and 1, the light one is first an eighth of the times", () => {
  // Deadlines are drawn from (0, 1/4] and (0, 1]: the second one is below 1/4 in a quarter of the cases, then half of it.
  const starts = Array.from({ length: 4000 }, (_, start) =>
    picks(driven([4, 1], { start: "random" }, seed + start), 1),
  );
  assertChance(starts.filter((first) => first === "b").length, 4000, 1 / 8, `seed ${seed}`);
});
