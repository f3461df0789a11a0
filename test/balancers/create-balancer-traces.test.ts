import assert from "node:assert/strict";
import * as fc from "fast-check";
import { identityOf } from "../../src/balancers/identity.ts";
import {
  algorithm,
  type AlgorithmName,
  algorithmNames,
  type BackendCounts,
  createBackendSet,
  createBalancer,
  holds,
  type Lease,
  type LeasingBalancer,
  listed,
  manualClock,
  NO_BACKEND,
  seededRandom,
  setThresholds,
} from "../../src/balancers/index.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("createBalancer: any trace", { timeoutMs: 60_000 });
const flow = sampleFlows(1, 1)[0]!;

type Step =
  | { readonly op: "acquire" }
  | { readonly op: "release"; readonly nth: number }
  | { readonly op: "update"; readonly backends: Readonly<Record<string, Settings>> }
  | { readonly op: "put"; readonly id: string; readonly settings: Settings }
  /** The nth of the listed ones. */
  | { readonly op: "remove"; readonly nth: number };

interface Settings {
  readonly weight: number;
  readonly upper: number;
}

const IDS = Array.from({ length: 40 }, (_, n) => `backend-${n}`);
const id = fc.constantFrom(...IDS);
const settings: fc.Arbitrary<Settings> = fc.record({
  weight: fc.nat(3),
  upper: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(3)),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant("acquire" as const) }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("release" as const), nth: fc.nat(60) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant("update" as const),
        backends: fc.dictionary(id, settings, { minKeys: 1, maxKeys: 40, size: "max" }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("put" as const), id, settings }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), nth: fc.nat(40) }) },
  ),
  { maxLength: 120, size: "max" },
);

/** The same balancer by hand: a slot an id for ever, in a set that is large enough from the start. */
class ByHand {
  readonly driven: DrivenSet;
  readonly #random = seededRandom(seed);

  constructor(name: AlgorithmName) {
    const set = createBackendSet(IDS.length);
    const { create, stateWords } = algorithm(name);
    this.driven = new DrivenSet(set, create(set, new Int32Array(stateWords(IDS.length)), this.#random));
  }

  acquire(): string | undefined {
    const slot = this.driven.balancer.pick(flow, 0);
    if (slot === NO_BACKEND) return undefined;
    this.driven.count(slot, { active: 1 });
    return IDS[slot];
  }

  release(id: string): void {
    this.driven.balancer.observed?.(IDS.indexOf(id), 0, 0, false);
    this.driven.count(IDS.indexOf(id), { active: -1 });
  }

  update(backends: Readonly<Record<string, Settings>>): void {
    const gone = listed(this.driven.set).filter((slot) => !Object.hasOwn(backends, IDS[slot]!));
    for (const slot of gone) this.driven.remove(slot);
    for (const [id, settings] of Object.entries(backends)) this.put(id, settings);
  }

  put(id: string, { weight, upper }: Settings): void {
    const { set, balancer } = this.driven;
    const slot = IDS.indexOf(id);
    if (!holds(set, slot)) {
      this.driven.add(slot, weight, { upper, lower: 0 }, identityOf(id));
      return;
    }
    if (set.weight[slot] === weight && set.upper[slot] === upper) return;
    set.weight[slot] = weight;
    setThresholds(set, slot, { upper, lower: 0 }, "6.1.192");
    balancer.reweighted(slot);
  }

  remove(id: string): void {
    this.driven.remove(IDS.indexOf(id));
  }

  counts(): BackendCounts[] {
    const { set } = this.driven;
    return listed(set).map((slot) => ({
      id: IDS[slot]!,
      weight: set.weight[slot]!,
      active: set.active[slot]!,
      overloaded: set.overloaded[slot] === 1,
      listed: true,
    }));
  }

  leftBehind(): Record<string, number> {
    const { set } = this.driven;
    const slots = [...IDS.keys()].filter((slot) => !holds(set, slot) && set.active[slot]! > 0);
    return Object.fromEntries(slots.map((slot) => [IDS[slot]!, set.active[slot]!]));
  }
}

for (const name of algorithmNames) {
  test(`${name}: what it explains is what it does next, and to ask changes nothing`, () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const clock = manualClock();
        const [balancer, unasked] = [0, 1].map(() =>
          createBalancer({ algorithm: name }, undefined, { random: seededRandom(seed), clock }),
        ) as [LeasingBalancer, LeasingBalancer];
        const leases: Lease[][] = [];
        for (const step of steps) {
          if (step.op === "put") for (const one of [balancer, unasked]) one.put({ id: step.id, ...step.settings });
          else if (step.op === "release") {
            for (const lease of leases.splice(step.nth % Math.max(leases.length, 1), 1).flat()) lease.release();
          } else if (step.op === "acquire") {
            const { backend, byChance } = balancer.explain(flow);
            const both = [balancer, unasked].map((one) => one.acquire(flow));
            assert.equal(both[0]?.backend, both[1]?.backend);
            if (!byChance) assert.equal(both[0]?.backend, backend);
            leases.push(both.filter((lease) => lease !== undefined));
          }
        }
      }),
      { seed, numRuns: runs(100, 10) },
    );
  });

  test(`${name}: picks and counts as a balancer kept by hand, while backends come, go, come back and grow in number`, () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const balancer = createBalancer({ algorithm: name }, undefined, {
          random: seededRandom(seed),
          clock: manualClock(),
        });
        const byHand = new ByHand(name);
        const leases: Lease[] = [];
        for (const step of steps) {
          if (step.op === "acquire") {
            const lease = balancer.acquire(flow);
            assert.equal(lease?.backend, byHand.acquire());
            if (lease !== undefined) leases.push(lease);
          } else if (step.op === "release") {
            const [lease] = leases.splice(step.nth % Math.max(leases.length, 1), 1);
            lease?.release();
            if (lease !== undefined) byHand.release(lease.backend);
          } else if (step.op === "update") {
            balancer.update(Object.entries(step.backends).map(([id, { weight, upper }]) => ({ id, weight, upper })));
            byHand.update(step.backends);
          } else if (step.op === "put") {
            balancer.put({ id: step.id, ...step.settings });
            byHand.put(step.id, step.settings);
          } else {
            const listed = balancer.counts().filter(({ listed }) => listed);
            if (listed.length === 0) continue;
            const { id } = listed[step.nth % listed.length]!;
            balancer.remove(id);
            byHand.remove(id);
          }
          const counts = balancer.counts();
          const left = counts.filter(({ listed }) => !listed).map(({ id, active }) => [id, active] as const);
          assert.deepEqual(
            counts.filter(({ listed }) => listed),
            byHand.counts(),
          );
          assert.deepEqual(Object.fromEntries(left), byHand.leftBehind());
        }
      }),
      { seed, numRuns: runs(500, 30) },
    );
  });
}
