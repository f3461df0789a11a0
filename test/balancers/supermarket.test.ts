import assert from "node:assert/strict";
import { createBackendSet, linkFirst } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { type Market, simulateMarket } from "../support/supermarket.ts";

/**
 * The mean time in a market of many servers where each customer looks at d of them: Σ λ^((dⁱ − d) / (d − 1)) over i from
 * 1 on; for d = 1 the exponent is i − 1, and the sum 1 / (1 − λ).
 *
 * Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001, corollary 5.
 */
function limitTime(choices: number, load: number): number {
  if (choices === 1) return 1 / (1 - load);
  let sum = 0;
  for (let i = 1; ; i += 1) {
    const term = load ** ((choices ** i - choices) / (choices - 1));
    sum += term;
    if (term < 1e-15) return sum;
  }
}

const SERVERS = 5_000;
const flow = sampleFlows(1, 1)[0]!;

/** One of our own balancers chooses. */
function marketOf(name: "random" | "p2c" | "p2c-with-replacement"): Market {
  const { create, stateWords } = algorithm(name);
  const set = createBackendSet(SERVERS);
  for (let server = 0; server < SERVERS; server += 1) linkFirst(set, server, 1);
  const balancer = create(set, new Int32Array(stateWords(SERVERS)), seededRandom(seed ^ 1));
  balancer.rebuild();
  return { set, choose: () => balancer.pick(flow, 0), changed: (server) => balancer.loadChanged(server) };
}

/** p2c-with-replacement carried on to three draws: the same load, and a tie keeps the first drawn. */
function threeChoices(): Market {
  const set = createBackendSet(SERVERS);
  const random = seededRandom(seed ^ 1);
  const choose = (): number => {
    let least = random.below(SERVERS);
    for (let draw = 1; draw < 3; draw += 1) {
      const server = random.below(SERVERS);
      if (set.active[server]! < set.active[least]!) least = server;
    }
    return least;
  };
  return { set, choose, changed() {} };
}

interface Setting {
  readonly title: string;
  readonly choices: number;
  readonly loads: readonly number[];
  readonly market: () => Market;
}

const settings: readonly Setting[] = [
  { title: "random", choices: 1, loads: [0.7, 0.9], market: () => marketOf("random") },
  { title: "p2c", choices: 2, loads: [0.7, 0.9, 0.99], market: () => marketOf("p2c") },
  { title: "p2c-with-replacement", choices: 2, loads: [0.7, 0.9], market: () => marketOf("p2c-with-replacement") },
  { title: "three choices", choices: 3, loads: [0.7, 0.9, 0.99], market: threeChoices },
];

/**
 * How long queues remember, in service times: the sum of the autocorrelations of a queue's length, from 0 on. For one
 * choice it is (1 + λ) / (1 − λ)², that of M/M/1 (Whitt, "Planning queueing simulations", Management Science 35(11),
 * 1989: asymptotic variance 2λ(1 + λ)/(1 − λ)⁴, variance λ/(1 − λ)²). For several it was measured with 500 servers: 3.5,
 * 13 and 149 at loads of 0.7, 0.9 and 0.99, which is below 1.5 / (1 − λ).
 */
const memory = (choices: number, load: number): number =>
  choices === 1 ? (1 + load) / (1 - load) ** 2 : 1.5 / (1 - load);

const BATCHES = 20;
/**
 * Of Student's distribution with 19 degrees of freedom: outside once in 10⁶ times. Batches of two memories are not quite
 * independent: a correlation of 0.3 between neighbours makes that about once in 40,000.
 */
const T = 6.99;
/** The market may not be so noisy that a wrong mean would pass: one and two, or two and three choices are 15 % apart. */
const LARGEST_TOLERANCE = 0.06;

/**
 * How far the mean over n servers may be from that over infinitely many: λ / (2 (1 − λ) n), here measured as 3.8 ± 1.2
 * where it gives 4.5, for two choices of 100 servers at 0.9; and as much again for draws without replacement, which
 * differ in one pick of n. Queues of one choice do not know of each other.
 */
const finiteness = (choices: number, load: number): number => (choices === 1 ? 0 : load / (1 - load) / SERVERS);

const test = suite("the supermarket model", { timeoutMs: 600_000, sampled: 3 });

for (const { title, choices, loads, market } of settings) {
  for (const load of loads) {
    const expected = limitTime(choices, load);
    const batchTime = 2 * memory(choices, load);
    // One choice forgets the empty market as e^(−(1 − √λ)² t) (M/M/1's relaxation): e⁻⁴ of it is left, in the first batch.
    const warmUp = 8 * memory(choices, load);
    const customers = Math.round(SERVERS * load * batchTime * BATCHES);
    test(`${title}: ${SERVERS} servers at a load of ${load}, ${customers} customers: ${expected.toFixed(3)}`, () => {
      const means = simulateMarket(market(), { load, warmUp, batches: BATCHES, batchTime, seed });
      const mean = means.reduce((sum, one) => sum + one, 0) / BATCHES;
      const variance = means.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (BATCHES - 1);
      const tolerance = T * Math.sqrt(variance / BATCHES) + finiteness(choices, load);
      const figures = `${mean.toFixed(4)} ± ${tolerance.toFixed(4)}, limit ${expected.toFixed(4)}`;
      console.log(`${title}, load ${load}, n ${SERVERS}, ${customers} customers: ${figures}`);
      assert.ok(tolerance < LARGEST_TOLERANCE * expected, `seed ${seed}: too few customers: ${figures}`);
      assert.ok(Math.abs(mean - expected) < tolerance, `seed ${seed}: ${figures}`);
    });
  }
}
