import assert from "node:assert/strict";
import * as fc from "fast-check";
import { createBackendSet, linkFirst, listed } from "../../src/balancers/backend-set.ts";
import type { Kernel } from "../../src/balancers/kernel.ts";
import { algorithm, algorithmNames } from "../../src/balancers/registry.ts";
import { seededRandom } from "../../src/core/random.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { play, type Step, traces } from "../support/trace.ts";
import { type Oracle, oracles } from "./oracles.ts";
import { proxyOracles } from "./proxy-oracles.ts";

const test = suite("algorithms against their literal form", { timeoutMs: 60_000 });
const flow = sampleFlows(1, 1)[0]!;

function driven(name: string, capacity: number, kernel?: Kernel): DrivenSet {
  const { create, stateWords } = algorithm(name, kernel && { kernel });
  const set = createBackendSet(capacity);
  return new DrivenSet(set, create(set, new Int32Array(stateWords(capacity)), seededRandom(seed)), kernel);
}

/** Has a subject and its literal form play the same trace. */
function compare(subject: DrivenSet, oracle: Oracle, steps: readonly Step[]): void {
  let expected = 0;
  play(subject, steps, {
    picking: (flow, nowMs) => (expected = oracle.pick(flow, nowMs)),
    picked: (slot) => assert.equal(slot, expected),
    removing: (slot) => oracle.removing?.(slot),
    edited: () => oracle.edited?.(),
  });
}

test("every algorithm has a literal form to compare with", () => {
  assert.deepEqual(Object.keys(oracles).sort(), [...algorithmNames].sort());
});

// Those of proxies are compared in proxy-algorithms.test.ts, with their options.
for (const name of algorithmNames.filter((name) => !Object.hasOwn(proxyOracles, name))) {
  for (const capacity of [3, 20]) {
    test(`${name} makes the picks of its literal form on any trace over ${capacity} slots`, () => {
      fc.assert(
        fc.property(traces, (steps) => {
          const subject = driven(name, capacity);
          compare(subject, oracles[name]!(subject.set, seed), steps);
        }),
        // 1,000 for each algorithm, also when time is short.
        { seed, numRuns: runs(1000, 100) },
      );
    });
  }
}

/** Those that count connections as kernels differ in it; lblc and lblcr are in hash-schedulers.test.ts. */
for (const name of ["lc", "wlc", "twos"]) {
  test(`${name} makes the picks of its literal form by the rules of kernel 6.1.176, too`, () => {
    fc.assert(
      fc.property(traces, (steps) => {
        const subject = driven(name, 7, "6.1.176");
        compare(subject, oracles[name]!(subject.set, seed, 256n), steps);
      }),
      { seed, numRuns: runs(1000, 100) },
    );
  });
}

/** Those whose picks do not come from a table that a literal form builds anew each time. */
const scanned = ["rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "twos", "random"] as const;
const BACKENDS = 10_000;
const PICKS = 120;

for (const name of scanned) {
  test(`${name} makes them among ${BACKENDS} backends, too, with opens and closes in between`, () => {
    const chance = seededRandom(seed);
    const subject = driven(name, BACKENDS);
    for (let slot = 0; slot < BACKENDS; slot += 1) {
      linkFirst(subject.set, slot, chance.below(4));
      subject.set.active[slot] = 1 + chance.below(3);
      subject.set.inactive[slot] = chance.below(300);
    }
    subject.balancer.rebuild();
    const oracle = oracles[name]!(subject.set, seed);
    // What was picked, and some others: so that those in front change.
    const busy: number[] = [];
    for (let picks = 0; picks < PICKS; picks += 1) {
      const slot = subject.balancer.pick(flow, 0);
      assert.equal(slot, oracle.pick(flow, 0), `seed ${seed}: pick ${picks}`);
      subject.count(slot, { active: 1 });
      busy.push(slot, chance.below(BACKENDS));
      const closed = busy.splice(chance.below(busy.length), 1)[0]!;
      if (subject.set.active[closed] === 0) continue;
      subject.count(closed, { active: -1, inactive: 1 });
      if (chance.below(2) === 0) subject.count(closed, { inactive: -1 });
    }
  });
}

const count = fc.oneof(fc.nat(3), fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 - 2 }));
const loaded = fc.record({ weight: fc.constantFrom(0, 1, 2, 65_534, 65_535), active: count, inactive: count });

for (const name of ["lc", "wlc", "sed", "nq", "ovf"]) {
  test(`${name} compares the largest counts and weights exactly`, () => {
    fc.assert(
      fc.property(fc.array(loaded, { maxLength: 8 }), (backends) => {
        const { set, balancer } = driven(name, 8);
        for (const [slot, { weight, active, inactive }] of backends.entries()) {
          linkFirst(set, slot, weight);
          set.active[slot] = active;
          set.inactive[slot] = inactive;
        }
        balancer.rebuild();
        assert.equal(balancer.pick(flow, 0), oracles[name]!(set, seed).pick(flow, 0));
      }),
      { seed, numRuns: runs(5000, 300) },
    );
  });
}

test("rr skips nobody when a backend is removed: the others follow in the same turn", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(30), fc.nat(11), (size, picks, nth) => {
      const turnAfter = (removed: number | undefined): number[] => {
        const subject = driven("rr", 12);
        for (let slot = 0; slot < size; slot += 1) subject.add(slot, 1);
        for (let i = 0; i < picks; i += 1) subject.balancer.pick(flow, 0);
        if (removed !== undefined) subject.remove(removed);
        return listed(subject.set).map(() => subject.balancer.pick(flow, 0));
      };
      const removed = nth % size;
      assert.deepEqual(
        turnAfter(removed),
        turnAfter(undefined).filter((slot) => slot !== removed),
      );
    }),
    { seed, numRuns: runs(2000, 100) },
  );
});

test("rr goes on with the next backend when one is added at the head", () => {
  const subject = driven("rr", 4);
  for (const slot of [0, 1, 2]) subject.add(slot, 1);
  const pick = (): number => subject.balancer.pick(flow, 0);
  assert.deepEqual([pick(), pick()], [2, 1]);
  subject.add(3, 1);
  assert.deepEqual([pick(), pick(), pick()], [0, 3, 2]);
});

test("random gives each of 10 usable backends a tenth of 200 000 picks", () => {
  const subject = driven("random", 13);
  for (let slot = 0; slot < 13; slot += 1) subject.add(slot, slot % 4 === 0 && slot > 0 ? 0 : 1 + slot);
  const hits = new Map(listed(subject.set).map((slot) => [slot, 0]));
  for (let i = 0; i < 200_000; i += 1) {
    const slot = subject.balancer.pick(flow, 0);
    hits.set(slot, hits.get(slot)! + 1);
  }
  const usable = [...hits].filter(([slot]) => subject.set.weight[slot]! > 0).map(([, n]) => n);
  const chiSquare = usable.reduce((sum, n) => sum + (n - 20_000) ** 2 / 20_000, 0);
  // 10 fair cells have 9 degrees of freedom. P(chi² ≥ k + 2√(kx) + 2x) ≤ e⁻ˣ (Laurent and Massart 2000, lemma 1):
  // with x = 21 a fair source fails once in 10⁹ runs. A backend with 6 % too many picks adds 72 and fails.
  const limit = 9 + 2 * Math.sqrt(9 * 21) + 2 * 21;
  assert.equal(usable.length, 10);
  assert.ok(chiSquare < limit, `seed ${seed}: chi² ${chiSquare} of ${usable.join(" ")}`);
});
