import assert from "node:assert/strict";
import * as fc from "fast-check";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createNodeState } from "../../../src/dataplane/emulated/node-state.ts";
import { prepareDecider } from "../../../src/dataplane/emulated/prepare-decider.ts";
import { traceFlow } from "../../../src/explain/trace.ts";
import { shareThreshold } from "../../../src/modes/iptables/probability.ts";
import type { Program } from "../../../src/modes/program.ts";
import type { Rule } from "../../../src/modes/iptables/ruleset.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { dnat, flow, iptables, nodeWith, plan, rule } from "./literals.ts";

const test = suite("emulated iptables: shares of the endpoints");

const DRAWS = 100_000;
const from = "10.244.1.9";
const to = "10.96.0.10:80";

/** A chain that picks endpoint 0 by the first threshold, 1 by the second, …, and the last one otherwise. */
function picking(thresholds: readonly number[]): Program {
  const picks = thresholds.map((threshold, index): Rule =>
    rule(dnat(`10.0.0.1:${index + 1}`), { kind: "statistic-random", threshold }),
  );
  return iptables({ "nat/PREROUTING": [...picks, rule(dnat(`10.0.0.1:${thresholds.length + 1}`))] });
}

/** Of each endpoint: the chance that all conditions before its own fail, times that its own holds. */
function exactShares(thresholds: readonly number[]): number[] {
  let left = 1;
  return [...thresholds, 2 ** 31].map((threshold) => {
    const share = left * (threshold / 2 ** 31);
    left *= 1 - threshold / 2 ** 31;
    return share;
  });
}

function tracedShares(program: Program, endpoints: number): number[] {
  const { outcomes } = traceFlow(program, plan(), flow(from, to), { seed: 1 });
  const shares = Array.from({ length: endpoints }, () => 0);
  for (const outcome of outcomes) {
    if (outcome.verdict === "forward") shares[outcome.to.port - 1] = outcome.probability;
  }
  return shares;
}

test("the trace's probabilities are the products of the thresholds, for any thresholds", () => {
  const anyThreshold = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.constantFrom(0, 1, 2 ** 30, 2 ** 31 - 1, 2 ** 31),
  );
  const property = fc.property(fc.array(anyThreshold, { maxLength: 12 }), (thresholds) => {
    const traced = tracedShares(picking(thresholds), thresholds.length + 1);
    for (const [index, exact] of exactShares(thresholds).entries()) {
      assert.ok(Math.abs(traced[index]! - exact) < 1e-12, `endpoint ${index}: ${traced[index]}, expected ${exact}`);
    }
  });
  fc.assert(property, { seed, numRuns: runs(1000, 200) });
});

test("thresholds of 1/n, 1/(n-1), … give n endpoints 1/n each, but for the rounding to 31 bits", () => {
  for (const n of [1, 2, 3, 7, 100, 997]) {
    const thresholds = Array.from({ length: n - 1 }, (_, index) => shareThreshold(n - index));
    // A threshold is 1/n to 10 digits, then a multiple of 2⁻³¹: off by less than 1e-9, and so is each factor.
    for (const share of tracedShares(picking(thresholds), n))
      assert.ok(Math.abs(share - 1 / n) < n * 1e-9, `${n}: ${share}`);
  }
});

for (const weights of [
  [1, 1, 1],
  [1, 2, 3, 4],
  [50, 1, 1],
]) {
  test(`${DRAWS} draws fall as the thresholds say, within 5 standard deviations: ${weights}`, () => {
    const thresholds = weights.slice(0, -1).map((weight, index) => {
      const left = weights.slice(index).reduce((sum, one) => sum + one, 0);
      return Math.round((weight / left) * 2 ** 31);
    });
    const state = createNodeState(seededRandom(7), manualClock());
    const decider = prepareDecider(picking(thresholds), plan(), state.decisions);
    const hits = weights.map(() => 0);
    const opened = flow(from, to);
    for (let draw = 0; draw < DRAWS; draw += 1) {
      const decision = decider.decide(opened, 0);
      if (decision.verdict === "forward") hits[decision.to.port - 1]! += 1;
    }
    for (const [index, share] of exactShares(thresholds).entries()) {
      const deviation = Math.sqrt(DRAWS * share * (1 - share));
      assert.ok(Math.abs(hits[index]! - DRAWS * share) <= 5 * deviation, `seed 7: ${hits}`);
    }
  });
}

test("the same seed makes the same picks again", async () => {
  const picks = async (): Promise<string[]> => {
    const node = await nodeWith(picking([2 ** 30, 2 ** 30, 2 ** 30]), { random: seededRandom(3) });
    return Array.from({ length: 200 }, () => node.open(from, to));
  };
  const first = await picks();
  assert.deepEqual(await picks(), first);
  assert.equal(new Set(first).size, 4);
});
