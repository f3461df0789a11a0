import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { algorithm, type AlgorithmName, algorithmNames } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { type Flow, TCP } from "../../src/net/flow.ts";
import type { Ip4 } from "../../src/net/ip.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

/** Of the slots 0…4, added in this order: the last one is the first of the list. */
const WEIGHTS = [4, 3, 2, 1, 1];
const SUM = 11;
/** 10,000 rounds of the weights. */
const FLOWS = 10_000 * SUM;

const byWeight = WEIGHTS.map((weight) => weight / SUM);
const equal = WEIGHTS.map(() => 1 / WEIGHTS.length);

/** What an algorithm makes of the weights, and how far from it the shares of all picks may be. */
interface Expected {
  readonly shares: readonly number[];
  readonly tolerance: (share: number) => number;
  /** Whether every flow stays open; else none does. */
  readonly held: boolean;
  /** Whether every backend has answered one flow before, each as quickly. */
  readonly answered?: boolean;
  readonly options?: object;
  readonly flows?: number;
}

/** Turns are dealt out: a share is off by a few flows at the ends, however many there are. */
const turns = (flows: number) => () => flows / FLOWS;
/** Each flow is a draw. Six standard deviations: a right share lies outside once in 500 million times. */
const draws = (share: number): number => 6 * Math.sqrt((share * (1 - share)) / FLOWS);
/** Draws from a table of so many entries, whose own shares are off by this many. */
const entries = (size: number, off: number) => (share: number) => draws(share) + off / size;

const dealt = (shares: readonly number[], off: number): Expected => ({ shares, tolerance: turns(off), held: false });
const drawn = (shares: readonly number[]): Expected => ({ shares, tolerance: draws, held: false });
/** The loads of open flows are kept level: shares are off by a flow or two, or by what chance has not yet made up for. */
const levelled = (shares: readonly number[], off: number): Expected => ({ shares, tolerance: turns(off), held: true });

const expectations: Readonly<Record<AlgorithmName, readonly Expected[]>> = {
  rr: [dealt(equal, 1)],
  // The first rounds are for all alike; see its docstring.
  wrr: [dealt(byWeight, SUM)],
  lc: [levelled(equal, 1)],
  wlc: [levelled(byWeight, 2)],
  sed: [levelled(byWeight, 2)],
  nq: [levelled(byWeight, 2)],
  // 256 buckets are dealt by weight, from the first in the list on: 23 rounds of 11, then slots 4, 3 and 2 have one more.
  sh: [drawn([4 * 23, 3 * 23, 2 * 23 + 1, 23 + 1, 23 + 1].map((buckets) => buckets / 256))],
  // 256 buckets are dealt in turn: 51 rounds of 5, and one for slot 4.
  dh: [drawn([51, 51, 51, 51, 52].map((buckets) => buckets / 256))],
  mh: [{ shares: byWeight, tolerance: entries(4093, SUM), held: false }],
  // Every flow here has a destination of its own, so each is scheduled afresh.
  lblc: [levelled(byWeight, 2)],
  lblcr: [levelled(byWeight, 2)],
  fo: [dealt([1, 0, 0, 0, 0], 0)],
  // One more than the weight of each fits; then nobody takes a flow.
  ovf: [
    { shares: WEIGHTS.map((weight) => (weight + 1) / (SUM + 5)), tolerance: () => 0, held: true, flows: SUM + 5 },
    dealt([1, 0, 0, 0, 0], 0),
  ],
  // One draw in [0, 11] where all loads are 0: slot 4, the first in the list, has both 0 and 1. Loads level it out.
  twos: [drawn([4, 3, 2, 1, 2].map((numbers) => numbers / 12)), levelled(byWeight, 100)],
  random: [drawn(equal)],
  "iptables-random": [drawn(equal)],
  userspace: [dealt(equal, 1)],
  "smooth-wrr": [dealt(byWeight, 0)],
  edf: [dealt(byWeight, 1)],
  leastconn: [levelled(byWeight, 2)],
  // Two of five: slot 0 is among them in 2/5, which is more than the 4/11 that it needs.
  p2c: [levelled(byWeight, 100)],
  // Drawn twice from five: slot 0 is among them in 1 − (4/5)² = 9/25, less than 4/11: it wins whenever it is drawn, and
  // stays the least loaded. The rest is levelled by weight.
  "p2c-with-replacement": [
    {
      shares: [9 / 25, ...[3, 2, 1, 1].map((weight) => ((16 / 25) * weight) / 7)],
      tolerance: (share) => draws(share) + 100 / FLOWS,
      held: true,
    },
  ],
  "peak-ewma": [
    { ...levelled(byWeight, 100), answered: true },
    // Without an answer all are charged the same 39 hours / weight, next to which flows count for nothing: of two the
    // heavier one wins. Ten pairs: slot 0 is in four, slot 1 in three others, slot 2 in two, slots 3 and 4 share one.
    { ...drawn([0.4, 0.3, 0.2, 0.05, 0.05]), held: true },
  ],
  // Without probes it draws.
  prequal: [drawn(equal)],
  // Weights × 4096 points: the share of p points is off by 1/√p of it, as a standard deviation.
  ring: [
    {
      shares: byWeight,
      tolerance: (share) => draws(share) + (6 * share) / Math.sqrt(4096 * share * SUM),
      held: false,
      options: { points: 16_384 },
    },
  ],
  maglev: [{ shares: byWeight, tolerance: entries(65_537, SUM), held: false }],
  rendezvous: [drawn(byWeight)],
};

/** Each from a client and to an address of its own. */
function anyFlow(random: { u32(): number }): Flow {
  return { proto: TCP, src: random.u32() as Ip4, srcPort: 40_000, dst: random.u32() as Ip4, dstPort: 80 };
}

function sharesOf(name: AlgorithmName, { held, answered = false, options = {}, flows = FLOWS }: Expected): number[] {
  const { create, stateWords } = algorithm(name, options);
  const set = createBackendSet(WEIGHTS.length);
  const state = new Int32Array(stateWords(WEIGHTS.length));
  const driven = new DrivenSet(set, create(set, state, seededRandom(seed)));
  for (const [slot, weight] of WEIGHTS.entries()) driven.add(slot, weight);
  if (answered) for (const slot of WEIGHTS.keys()) driven.balancer.observed!(slot, 10, 0, false);
  const random = seededRandom(seed ^ 1);
  const hits = WEIGHTS.map(() => 0);
  for (let flow = 0; flow < flows; flow += 1) {
    const slot = driven.balancer.pick(anyFlow(random), 0);
    assert.notEqual(slot, NO_BACKEND);
    hits[slot]! += 1;
    if (held) driven.count(slot, { active: 1 });
  }
  return hits.map((count) => count / flows);
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`.padStart(9);
const test = suite(`shares of ${FLOWS} flows by the weights ${WEIGHTS.join(" ")}`);

test("every algorithm is in the table", () => {
  assert.deepEqual(Object.keys(expectations).sort(), [...algorithmNames].sort());
});

for (const name of algorithmNames) {
  for (const expected of expectations[name]) {
    const kept = expected.held ? "all open" : "none open";
    test(`${name}, ${kept}: ${expected.shares.map(percent).join("")}`, () => {
      const shares = sharesOf(name, expected);
      const rows = shares.map((share, slot) => ({ share, off: share - expected.shares[slot]! }));
      console.log(`${name.padEnd(20)} ${kept.padEnd(9)} ${shares.map(percent).join("")}`);
      for (const [slot, { share, off }] of rows.entries()) {
        const tolerance = expected.tolerance(expected.shares[slot]!) + 1e-12;
        assert.ok(Math.abs(off) <= tolerance, `seed ${seed}: slot ${slot} has ${share}, off by ${off} > ${tolerance}`);
      }
    });
  }
}
