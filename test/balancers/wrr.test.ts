import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createBackendSet, linkFirst } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { oracles } from "./oracles.ts";

const test = suite("wrr");
const flow = sampleFlows(1, 1)[0]!;

function wrrOver(capacity: number): DrivenSet {
  const { create, stateWords } = algorithm("wrr");
  const set = createBackendSet(capacity);
  return new DrivenSet(set, create(set, new Int32Array(stateWords(capacity)), seededRandom(seed)));
}

/** Slots 0, 1, … added in this order; the picks of slot 0 are given as a, those of slot 1 as b, … */
function picksOf(driven: DrivenSet, count: number): string {
  return Array.from({ length: count }, () => "abcdef"[driven.balancer.pick(flow, 0)] ?? "-").join("");
}

test("backends that were added one by one begin with one flow each, and go on in bursts", () => {
  for (const [weights, picks] of [
    [[1, 2, 3], "cbaccb cbaccb cbaccb"],
    [[5, 1, 1], "cbaaaaa cbaaaaa"],
    [[2, 4, 6], "cbaccb cbaccb"],
    [[1, 1], "baba"],
  ] as const) {
    const driven = wrrOver(3);
    for (const [slot, weight] of weights.entries()) driven.add(slot, weight);
    assert.equal(picksOf(driven, picks.replaceAll(" ", "").length), picks.replaceAll(" ", ""), weights.join(" "));
  }
});

test("where it takes over a list that is filled already, it begins with the heaviest", () => {
  const driven = wrrOver(3);
  for (const [slot, weight] of [1, 2, 3].entries()) linkFirst(driven.set, slot, weight);
  driven.balancer.rebuild();
  assert.equal(picksOf(driven, 12), "ccbcbaccbcba");
});

test("every edit, also one that changes nothing, puts the place back to the head and leaves the pass", () => {
  const driven = wrrOver(3);
  for (const slot of [0, 1, 2]) driven.add(slot, 1);
  assert.equal(picksOf(driven, 2), "cb");
  driven.reweigh(0, 1);
  assert.equal(picksOf(driven, 2), "cb");
  driven.limit(0, { upper: 0, lower: 0 });
  assert.equal(picksOf(driven, 3), "cba");
});

const setting = fc.record({ weight: fc.nat(4), upper: fc.nat(3) });
const flows = fc.array(fc.oneof(fc.constant("open" as const), fc.nat(30)), { maxLength: 80, size: "max" });

test("goes on as its literal form does after it gave up, on any trace of backends with small thresholds", () => {
  let gaveUp = 0;
  fc.assert(
    fc.property(fc.array(setting, { minLength: 1, maxLength: 5 }), flows, (settings, flows) => {
      const driven = wrrOver(5);
      const oracle = oracles["wrr"]!(driven.set, seed);
      for (const [slot, { weight, upper }] of settings.entries()) {
        driven.add(slot, weight, { upper, lower: 0 });
        oracle.edited!();
      }
      const open: number[] = [];
      for (const step of flows) {
        if (step === "open") {
          const slot = driven.balancer.pick(flow, 0);
          assert.equal(slot, oracle.pick(flow, 0));
          if (slot === NO_BACKEND) gaveUp += 1;
          else open.push(slot);
          if (slot !== NO_BACKEND) driven.count(slot, { active: 1 });
        } else {
          const [closed] = open.splice(step % Math.max(open.length, 1), 1);
          if (closed !== undefined) driven.count(closed, { active: -1 });
        }
      }
    }),
    { seed, numRuns: runs(5000, 1000) },
  );
  assert.ok(gaveUp > 1000, `gave up ${gaveUp} times`);
});

test("finds its way past an overloaded backend of weight 65,535 pass by pass without a pass each", () => {
  const driven = wrrOver(2);
  driven.add(0, 1);
  driven.add(1, 65_535, { upper: 1, lower: 1 });
  driven.count(1, { active: 1 });
  const startMs = performance.now();
  assert.equal(picksOf(driven, 100_000), "a".repeat(100_000));
  console.log(`wrr: 100,000 picks past 65,534 passes each: ${(performance.now() - startMs).toFixed(0)} ms`);
});
