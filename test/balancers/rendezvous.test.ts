import assert from "node:assert/strict";
import { assertChance } from "../support/chance.ts";
import { sampleFlows } from "../support/flows.ts";
import { equalWeights, hashedBackends, hitsOf, slotsOf } from "../support/hashed-backends.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("rendezvous");
const flows = sampleFlows(60_000, seed);

test(`shares ${flows.length} flows by the weights 1, 2, 3, 0 and 30`, () => {
  const weights = [1, 2, 3, 0, 30];
  const driven = hashedBackends("rendezvous", weights);
  for (const [slot, hits] of hitsOf(driven, slotsOf(driven, flows)).entries()) {
    assertChance(hits, flows.length, weights[slot]! / 36, `seed ${seed}: slot ${slot}`);
  }
});

test("of 50 backends one leaves: its flows move, a fiftieth, and no others; it comes back, and all is as before", () => {
  const driven = hashedBackends("rendezvous", equalWeights(50));
  const before = slotsOf(driven, flows);
  driven.remove(7);
  const after = slotsOf(driven, flows);
  for (const [flow, slot] of before.entries()) if (slot !== 7) assert.equal(after[flow], slot);
  const orphans = [...before.keys()].filter((flow) => before[flow] === 7);
  assertChance(orphans.length, flows.length, 1 / 50, `seed ${seed}: moved`);
  // They are spread over all others.
  const heirs = new Set(orphans.map((flow) => after[flow]));
  assert.equal(heirs.size, 49);
  driven.add(7, 1, undefined, { low: driven.set.identityLow[7]!, high: driven.set.identityHigh[7]! });
  assert.deepEqual(slotsOf(driven, flows), before);
});

test("a heavier weight draws flows to its backend only, a lighter one away from it only: as many as it has to", () => {
  const driven = hashedBackends("rendezvous", [2, 2, 2, 2]);
  const before = slotsOf(driven, flows);
  driven.reweigh(1, 6);
  const heavier = slotsOf(driven, flows);
  const drawn = [...before.keys()].filter((flow) => before[flow] !== heavier[flow]);
  assert.ok(drawn.every((flow) => heavier[flow] === 1));
  // From 2 of 8 to 6 of 12.
  assertChance(drawn.length, flows.length, 1 / 2 - 1 / 4, `seed ${seed}: drawn`);
  driven.reweigh(1, 2);
  assert.deepEqual(slotsOf(driven, flows), before);
});

test("is the same on every host, whatever the order of the list, and tells the scores that it compared", () => {
  const weights = [1, 2, 3, 4, 5, 6];
  const [one, other] = [undefined, [5, 0, 3, 1, 4, 2]].map((order) => hashedBackends("rendezvous", weights, {}, order));
  assert.deepEqual(slotsOf(one!, flows), slotsOf(other!, flows));
  for (const flow of flows.slice(0, 100)) {
    const { slot, candidates } = one!.balancer.explain(flow, 0);
    assert.equal(slot, one!.balancer.pick(flow, 0));
    assert.equal(candidates[0]!.slot, slot);
    assert.ok(candidates.every(({ value }, rank) => rank === 0 || value <= candidates[rank - 1]!.value));
    assert.equal(candidates.length, 6);
  }
});
