import assert from "node:assert/strict";
import * as fc from "fast-check";
import { holds, listed, usable } from "../../src/balancers/backend-set.ts";
import { algorithm } from "../../src/balancers/registry.ts";
import type { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { equalWeights, hashedBackends, slotsOf } from "../support/hashed-backends.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { play, tracesOf } from "../support/trace.ts";

const test = suite("bounded loads");
const hashes = ["ring", "maglev", "rendezvous"];
const small: Readonly<Record<string, object>> = { ring: { points: 40 }, maglev: { tableSize: 251 } };
const flows = sampleFlows(2000, seed);

/** ⌈total × factor/100 × weight / weights⌉, exactly. */
function boundOf({ set }: DrivenSet, slot: number, factor: number): number {
  const sum = (column: Int32Array): bigint =>
    listed(set).reduce((sum, one) => sum + (usable(set, one) ? BigInt(column[one]!) : 0n), 0n);
  const share = sum(set.active) * BigInt(factor) * BigInt(set.weight[slot]!);
  const all = 100n * sum(set.weight);
  return Number((share + all - 1n) / all);
}

for (const name of hashes) {
  for (const hashBalanceFactor of [100, 125, 200]) {
    test(`${name}: no flow ever brings a backend above ${hashBalanceFactor} % of its share, on any trace`, () => {
      fc.assert(
        fc.property(tracesOf(flows.slice(0, 8), [1]), (steps) => {
          const subject = hashedBackends(name, [1, 2, 3, 1, 1, 65_535], { ...small[name], hashBalanceFactor });
          let picked = -1;
          let active = 0;
          play(subject, steps, {
            picked(slot) {
              picked = slot;
              active = slot < 0 ? 0 : subject.set.active[slot]!;
            },
            done() {
              const { set } = subject;
              // Only a flow that opened as active in this step counts; a threshold may have overloaded its backend by it.
              const opened = picked >= 0 && set.active[picked] === active + 1;
              if (opened && holds(set, picked) && usable(set, picked)) {
                assert.ok(set.active[picked]! <= boundOf(subject, picked, hashBalanceFactor), `slot ${picked}`);
              }
              picked = -1;
            },
          });
        }),
        { seed, numRuns: runs(1000, 100) },
      );
    });
  }

  test(`${name}: one client's flows fill backend after backend, each up to its bound of the moment`, () => {
    const driven = hashedBackends(name, equalWeights(4), { ...small[name], hashBalanceFactor: 125 });
    const order: number[] = [];
    const byHand = [0, 0, 0, 0];
    for (let total = 1; total <= 100; total += 1) {
      const slot = driven.balancer.pick(flows[0]!, 0);
      driven.count(slot, { active: 1 });
      if (!order.includes(slot)) order.push(slot);
      byHand[byHand.findIndex((load) => load < (total * 1.25) / 4)]! += 1;
    }
    assert.deepEqual(
      order.map((slot) => driven.set.active[slot]),
      byHand,
    );
    // ⌈100 × 1.25 / 4⌉.
    assert.equal(byHand[0], 32);
  });

  test(`${name}: with a factor of 100 equal backends are filled evenly: loads differ by one`, () => {
    const driven = hashedBackends(name, equalWeights(7), { ...small[name], hashBalanceFactor: 100 });
    for (const flow of flows.slice(0, 500)) {
      driven.count(driven.balancer.pick(flow, 0), { active: 1 });
      const loads = driven.set.active.subarray(0, 7);
      assert.ok(Math.max(...loads) - Math.min(...loads) <= 1);
    }
  });

  test(`${name}: flows stay where their hash sends them as long as there is room, and come back when there is again`, () => {
    const [plain, bounded] = [0, 150].map((hashBalanceFactor) =>
      hashedBackends(name, equalWeights(10), { ...small[name], hashBalanceFactor }),
    );
    assert.deepEqual(slotsOf(bounded!, flows), slotsOf(plain!, flows));
    const home = plain!.balancer.pick(flows[0]!, 0);
    bounded!.count(home, { active: 5 });
    const { candidates } = bounded!.balancer.explain(flows[0]!, 0);
    assert.notEqual(bounded!.balancer.pick(flows[0]!, 0), home);
    assert.equal(candidates[0]!.slot, home);
    assert.match(candidates[0]!.meaning, /has its bound of 5 active connections/);
    bounded!.count(home, { active: -5 });
    assert.equal(bounded!.balancer.pick(flows[0]!, 0), home);
  });
}

test("refuses a factor that is neither 0 nor a whole number from 100 on", () => {
  for (const name of hashes) {
    for (const hashBalanceFactor of [1, 99, 100.5, -100, 100_001, Number.NaN, "125", null]) {
      assert.throws(() => algorithm(name, { hashBalanceFactor }), {
        code: "BALANCER_INVALID",
        details: {
          path: "hashBalanceFactor",
          expected: "0 or a whole number in 100…100000",
          received: String(hashBalanceFactor),
        },
      });
    }
  }
});
