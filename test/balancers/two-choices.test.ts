import assert from "node:assert/strict";
import { createBackendSet, holds } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { assertChance } from "../support/chance.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("p2c and p2c-with-replacement");
const flow = sampleFlows(1, 1)[0]!;
const PICKS = 90_000;

/** Slots 0, 1, …, with so many active connections each. */
function driven(name: string, weights: readonly number[], active: readonly number[]): DrivenSet {
  const { create, stateWords } = algorithm(name);
  const set = createBackendSet(weights.length);
  const state = new Int32Array(stateWords(weights.length));
  const subject = new DrivenSet(set, create(set, state, seededRandom(seed)));
  for (const [slot, weight] of weights.entries()) {
    subject.add(slot, weight);
    subject.count(slot, { active: active[slot]! });
  }
  return subject;
}

function hits({ set, balancer }: DrivenSet): number[] {
  const hits = Array.from({ length: set.capacity }, () => 0);
  for (let pick = 0; pick < PICKS; pick += 1) hits[balancer.pick(flow, 0)]! += 1;
  return hits;
}

test(`with replacement, the loaded one of three gets a ninth of ${PICKS} picks: when it is drawn twice`, () => {
  assertChance(hits(driven("p2c-with-replacement", [1, 1, 1], [10, 0, 0]))[0]!, PICKS, 1 / 9, `seed ${seed}`);
});

test(`without replacement, the loaded one of three gets none of ${PICKS} picks, the others half each`, () => {
  const [loaded, one] = hits(driven("p2c", [1, 1, 1], [10, 0, 0]));
  assert.equal(loaded, 0);
  assertChance(one!, PICKS, 1 / 2, `seed ${seed}`);
});

test(`both take the less loaded by weight: (3 + 1) / 4 is less than (1 + 1) / 1`, () => {
  const [heavy, light] = hits(driven("p2c", [4, 1], [3, 1]));
  assert.deepEqual([heavy, light], [PICKS, 0]);
  assertChance(hits(driven("p2c-with-replacement", [4, 1], [3, 1]))[1]!, PICKS, 1 / 4, `seed ${seed}`);
});

test(`all usable ones are drawn as often, whatever came and went before: equal loads get equal shares`, () => {
  for (const name of ["p2c", "p2c-with-replacement"]) {
    const subject = driven(name, [1, 2, 0, 3, 1, 1], [0, 1, 0, 2, 0, 0]);
    subject.remove(0);
    subject.reweigh(4, 0);
    subject.reweigh(2, 1);
    // Slots 1, 2, 3 and 5 are left: (active + 1) / weight is 1 for each.
    for (const [slot, count] of hits(subject).entries()) {
      const usable = holds(subject.set, slot) && subject.set.weight[slot]! > 0;
      assertChance(count, PICKS, usable ? 1 / 4 : 0, `seed ${seed}: ${name} slot ${slot}`);
    }
  }
});

test("explain tells the chance of each, ties and all, and they add up to 1", () => {
  for (const name of ["p2c", "p2c-with-replacement"]) {
    const subject = driven(name, [1, 1, 2, 1, 5], [3, 0, 1, 0, 0]);
    const { slot, candidates } = subject.balancer.explain(flow, 0);
    assert.equal(slot, undefined);
    const sum = candidates.reduce((sum, { value }) => sum + value, 0);
    assert.ok(Math.abs(sum - 1) < 1e-12, `${sum}`);
    const counted = hits(subject);
    for (const { slot, value } of candidates) {
      assertChance(counted[slot]!, PICKS, value, `seed ${seed}: ${name} slot ${slot}`);
    }
  }
});

test("explain names the only one there is, and none where there is none", () => {
  for (const name of ["p2c", "p2c-with-replacement", "peak-ewma"]) {
    const subject = driven(name, [1, 0], [7, 0]);
    const [only] = subject.balancer.explain(flow, 0).candidates;
    assert.deepEqual([only!.slot, only!.value, subject.balancer.explain(flow, 0).slot], [0, 1, 0]);
    subject.remove(0);
    assert.deepEqual([subject.balancer.explain(flow, 0).slot, subject.balancer.explain(flow, 0).candidates], [-1, []]);
  }
});
