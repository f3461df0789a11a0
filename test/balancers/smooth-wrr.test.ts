import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createBackendSet, listed } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { proxyOracles } from "./proxy-oracles.ts";

const test = suite("smooth-wrr");
const flow = sampleFlows(1, 1)[0]!;

/** Slots 0, 1, … in list order. @param prepare touches the state before it is used. */
function driven(weights: readonly number[], prepare: (state: Int32Array) => void = () => {}): DrivenSet {
  const { create, stateWords } = algorithm("smooth-wrr");
  const set = createBackendSet(weights.length);
  const state = new Int32Array(stateWords(weights.length));
  prepare(state);
  const subject = new DrivenSet(set, create(set, state, seededRandom(seed)));
  for (const [slot, weight] of [...weights.entries()].reverse()) subject.add(slot, weight);
  return subject;
}

const picks = ({ balancer }: DrivenSet, count: number): number[] =>
  Array.from({ length: count }, () => balancer.pick(flow, 0));

test("gives weights 5, 1, 1 the turn a a b a c a a, as nginx says", () => {
  const turn = picks(driven([5, 1, 1]), 14).map((slot) => "abc"[slot]);
  assert.equal(turn.join(" "), "a a b a c a a a a b a c a a");
});

test("gives each backend its weight in a turn as long as the sum of the weights, after which all are where they were", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), (weights) => {
      const subject = driven(weights);
      const sum = weights.reduce((a, b) => a + b);
      const turn = picks(subject, sum);
      assert.deepEqual(
        weights.map((_, slot) => turn.filter((pick) => pick === slot).length),
        weights,
      );
      const { candidates } = subject.balancer.explain(flow, 0);
      assert.deepEqual(
        candidates.map(({ value }) => value),
        weights,
      );
      assert.deepEqual(picks(subject, sum), turn);
    }),
    { seed, numRuns: runs(1000, 200) },
  );
});

test("makes nginx's picks over 300 backends of any weight, while they come and go", () => {
  const random = seededRandom(seed);
  const weights = Array.from({ length: 300 }, () => 1 + random.below(65_535));
  const subject = driven(weights);
  const oracle = proxyOracles["smooth-wrr"]!(subject.set, seed);
  for (let pick = 0; pick < 6000; pick += 1) {
    assert.equal(subject.balancer.pick(flow, 0), oracle.pick(flow, 0), `seed ${seed}: pick ${pick}`);
    if (pick % 50 === 0) {
      const slot = listed(subject.set)[random.below(listed(subject.set).length)]!;
      if (pick % 100 === 0) subject.reweigh(slot, random.below(65_535));
      else {
        oracle.removing?.(slot);
        subject.remove(slot);
        subject.add(slot, 1 + random.below(65_535));
      }
    }
  }
});

test("goes on as before when its time has run to the end of exact numbers and starts again", () => {
  const early = driven([5, 3, 1, 65_535]);
  const late = driven([5, 3, 1, 65_535], (state) => (new Float64Array(state.buffer)[0] = 2 ** 32 - 100));
  assert.deepEqual(picks(late, 70_000), picks(early, 70_000));
});
