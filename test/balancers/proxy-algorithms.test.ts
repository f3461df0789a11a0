import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createBackendSet, listed } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { type Random, seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { play, tracesOf } from "../support/trace.ts";
import { type FeedbackOracle, type OracleOptions, proxyOracles } from "./proxy-oracles.ts";

const test = suite("algorithms of proxies against their literal form");
const CAPACITY = 9;
const traces = tracesOf(sampleFlows(16, 1), [1, 300, 4000]);

/** Options beside which an algorithm's default is not the only case. */
const cases: readonly (readonly [name: string, options: OracleOptions])[] = [
  ["smooth-wrr", {}],
  ["edf", {}],
  ["leastconn", {}],
  ["leastconn", { maxWeight: 65_535 }],
  ["p2c", {}],
  ["p2c-with-replacement", {}],
  ["peak-ewma", {}],
  ["ring", { points: 4 }],
  ["ring", { points: 3, minRingSize: 50, hashBalanceFactor: 125 }],
  ["ring", { points: 9, maxRingSize: 12, hashBalanceFactor: 100 }],
  ["maglev", { tableSize: 31 }],
  ["maglev", { tableSize: 13, hashBalanceFactor: 150 }],
  ["maglev", { tableSize: 3, hashBalanceFactor: 200 }],
  ["rendezvous", {}],
  ["rendezvous", { hashBalanceFactor: 110 }],
  ["prequal", {}],
  ["prequal", { poolSize: 3, hotQuantile: 0.5, probesPerPick: 4, removesPerPick: 0.4 }],
  ["prequal", { poolSize: 2, hotQuantile: 0, probesPerPick: 1, removesPerPick: 0 }],
];

/** After each step some backend answers a probe, and some flow is over: the same ones for the same seed. */
function feedBack(driven: DrivenSet, oracle: FeedbackOracle, nowMs: number, chance: Random): void {
  const slots = listed(driven.set);
  if (slots.length === 0) return;
  const slot = slots[chance.below(slots.length)]!;
  const [latencyMs, inFlight] = [chance.below(5) * 3, chance.below(6)];
  if (chance.below(2) === 0) {
    driven.balancer.probed?.(slot, inFlight, latencyMs, nowMs);
    oracle.probed?.(slot, inFlight, latencyMs, nowMs);
  }
  const failed = chance.below(8) === 0;
  driven.balancer.observed?.(slot, latencyMs, nowMs, failed);
  oracle.observed?.(slot, latencyMs, nowMs, failed);
}

for (const [name, options] of cases) {
  const title = `${name} ${JSON.stringify(options)}`;
  test(`${title} makes the picks of its literal form, and explains them, on any trace`, () => {
    fc.assert(
      fc.property(traces, fc.nat(), (steps, feedbackSeed) => {
        const { create, stateWords } = algorithm(name, options);
        const set = createBackendSet(CAPACITY);
        const state = new Int32Array(stateWords(CAPACITY));
        const driven = new DrivenSet(set, create(set, state, seededRandom(seed)));
        const oracle = proxyOracles[name]!(set, seed, options);
        const chance = seededRandom(feedbackSeed);
        let [expected, clockMs] = [0, 0];
        play(driven, steps, {
          picking(flow, nowMs) {
            clockMs = nowMs;
            const before = state.slice();
            const { slot, candidates } = driven.balancer.explain(flow, nowMs);
            assert.deepEqual(state, before);
            expected = oracle.pick(flow, nowMs);
            if (slot !== undefined) assert.equal(slot, expected);
            else assert.ok(candidates.some((one) => one.slot === expected && one.value > 0) || name === "prequal");
          },
          picked: (slot) => assert.equal(slot, expected),
          removing: (slot) => oracle.removing?.(slot),
          edited: () => oracle.edited?.(),
          done() {
            oracle.done?.();
            feedBack(driven, oracle, clockMs, chance);
          },
        });
      }),
      { seed, numRuns: runs(1000, 150) },
    );
  });
}
