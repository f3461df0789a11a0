import assert from "node:assert/strict";
import { createBackendSet } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import { type Random, seededRandom } from "../../src/core/random.ts";
import { CERTAIN, shareThreshold } from "../../src/modes/iptables/probability.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("iptables-random");
const flow = sampleFlows(1, 1)[0]!;

/** Slots 0, 1, … added in this order, all usable. */
function chainOf(rules: number, random: Random): DrivenSet {
  const { create, stateWords } = algorithm("iptables-random");
  const set = createBackendSet(rules);
  const driven = new DrivenSet(set, create(set, new Int32Array(stateWords(rules)), random));
  for (let slot = 0; slot < rules; slot += 1) driven.add(slot, 1);
  return driven;
}

/** The chances of the rules, in units of 2⁻³¹ to the power of their number: exact. */
function exactChances(rules: number): bigint[] {
  let reached = 1n << (31n * BigInt(rules));
  return Array.from({ length: rules }, (_, rule) => {
    const left = rules - rule;
    const taken = left === 1 ? reached : (reached * BigInt(shareThreshold(left))) >> 31n;
    reached -= taken;
    return taken;
  });
}

function shares(rules: number): number[] {
  const unit = 1n << (31n * BigInt(rules) - 60n);
  return exactChances(rules).map((chance) => Number(chance / unit) / 2 ** 60);
}

test("explains the exact chances of the chain, the oldest backend's rule first", () => {
  for (const rules of [2, 3, 4, 7, 100, 500]) {
    const { candidates } = chainOf(rules, seededRandom(seed)).balancer.explain(flow, 0);
    for (const [rule, chance] of shares(rules).entries()) {
      assert.equal(candidates[rule]!.slot, rule);
      assert.ok(Math.abs(candidates[rule]!.value - chance) < 1e-15, `${rules} rules, rule ${rule}`);
    }
  }
});

test("gives up to 100 backends shares that differ from equal ones by less than 3 × 10⁻¹⁰", () => {
  let worst = 0;
  for (let rules = 2; rules <= 100; rules += 1) {
    for (const share of shares(rules)) worst = Math.max(worst, Math.abs(share - 1 / rules));
  }
  console.log(`iptables-random: of up to 100 backends the share that is farthest from 1/n differs by ${worst}`);
  assert.ok(worst > 0 && worst < 3e-10);
});

test("takes a flow by the rule in whose part of [0, 1) the draw lies, next to each border", () => {
  const draw = { low: 0, high: 0, calls: 0 };
  /** Two words a draw: 27 bits, then 26. */
  const scripted: Random = {
    u32: () => ((draw.calls += 1) % 2 === 1 ? draw.high << 5 : draw.low << 6) >>> 0,
    below: () => assert.fail(),
  };
  for (const rules of [1, 2, 3, 10, 333]) {
    const { balancer } = chainOf(rules, scripted);
    const at = (position: bigint): number => {
      draw.high = Number(position >> 26n);
      draw.low = Number(position & 0x3ff_ffffn);
      return balancer.pick(flow, 0);
    };
    // The later a rule, the lower its part. The borders are products of up to 333 rounded factors: 4096 of 2⁵³ away
    // from one, none may be wrong.
    let border = 1n << (31n * BigInt(rules));
    const units = (): bigint => (border << 22n) >> (31n * BigInt(rules) - 31n);
    for (const [rule, chance] of exactChances(rules).entries()) {
      assert.equal(at(units() - 4096n), rule);
      border -= chance;
      assert.equal(at(rule === rules - 1 ? 0n : units() + 4096n), rule);
    }
  }
});

test("picks as often as a draw for each rule does: 5 backends, 200 000 flows each", () => {
  const rules = 5;
  const { balancer } = chainOf(rules, seededRandom(seed));
  const kernel = seededRandom(seed + 1);
  const walk = (): number => {
    for (let rule = 0; ; rule += 1) {
      const left = rules - rule;
      if (left === 1 || kernel.u32() >>> 1 < shareThreshold(left)) return rule;
    }
  };
  const hits = [0, 1].map(() => Array.from({ length: rules }, () => 0));
  for (let n = 0; n < 200_000; n += 1) {
    hits[0]![balancer.pick(flow, 0)]! += 1;
    hits[1]![walk()]! += 1;
  }
  // Two samples of the same law in 5 cells: chi² of 4 degrees of freedom. P(chi² ≥ k + 2√(kx) + 2x) ≤ e⁻ˣ (Laurent and
  // Massart 2000, lemma 1): with x = 21 it fails once in 10⁹ runs.
  const chiSquare = hits[0]!.reduce((sum, n, rule) => sum + (n - hits[1]![rule]!) ** 2 / (n + hits[1]![rule]!), 0);
  assert.ok(chiSquare < 4 + 2 * Math.sqrt(4 * 21) + 2 * 21, `seed ${seed}: chi² ${chiSquare} of ${hits.join(" and ")}`);
  assert.equal(CERTAIN, 2 ** 31);
});
