import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  algorithm,
  type AlgorithmName,
  algorithmNames,
  type BackendCounts,
  type BackendSpec,
  type BalancerOptions,
  type BalancerSources,
  createBackendSet,
  createBalancer,
  holds,
  type Lease,
  type LeasingBalancer,
  listed,
  manualClock,
  NO_BACKEND,
  seededRandom,
} from "../../src/balancers/index.ts";
import { DrivenSet } from "../support/driven-set.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("createBalancer");
const flow = sampleFlows(1, 1)[0]!;
const backends = (...ids: string[]): BackendSpec[] => ids.map((id) => ({ id }));
const take = (balancer: LeasingBalancer, count: number): (string | undefined)[] =>
  Array.from({ length: count }, () => balancer.acquire(flow)?.backend);
const activeOf = (balancer: LeasingBalancer): Record<string, number> =>
  Object.fromEntries(balancer.counts().map(({ id, active }) => [id, active]));

test("gives undefined as long as there is no backend", () => {
  for (const name of algorithmNames) {
    const balancer = createBalancer({ algorithm: name });
    assert.equal(balancer.algorithm, name);
    assert.equal(balancer.acquire(flow), undefined);
    balancer.update(backends("a"));
    assert.equal(balancer.acquire(flow)?.backend, "a");
    balancer.update([]);
    assert.equal(balancer.acquire(flow), undefined);
  }
});

test("adds at the head in the order given, so that the last one comes first", () => {
  const balancer = createBalancer({ algorithm: "rr" }, backends("a", "b", "c"));
  assert.deepEqual(take(balancer, 4), ["c", "b", "a", "c"]);
  balancer.update(backends("a", "b", "c", "d", "e"));
  assert.deepEqual(take(balancer, 5), ["b", "a", "e", "d", "c"]);
});

test("counts a lease until it is released", () => {
  const balancer = createBalancer({ algorithm: "lc" }, backends("a", "b"));
  const [first, second] = [balancer.acquire(flow)!, balancer.acquire(flow)!];
  assert.deepEqual([first.backend, second.backend], ["b", "a"]);
  assert.deepEqual(activeOf(balancer), { b: 1, a: 1 });
  second.release();
  assert.deepEqual(activeOf(balancer), { b: 1, a: 0 });
  assert.deepEqual(take(balancer, 1), ["a"]);
});

test("a lease that is released twice is an error, and counts once", () => {
  const balancer = createBalancer({ algorithm: "rr" }, backends("a"));
  balancer.acquire(flow);
  const lease = balancer.acquire(flow)!;
  lease.release();
  assert.throws(() => lease.release(), {
    code: "BALANCER_INVALID",
    details: { path: "lease", expected: "a lease that is still held", received: "a" },
  });
  assert.deepEqual(activeOf(balancer), { a: 1 });
});

test("weight 0 drains: leases stay, new flows go elsewhere", () => {
  const balancer = createBalancer({ algorithm: "sed" }, [{ id: "a", weight: 2 }, { id: "b" }]);
  assert.deepEqual(take(balancer, 1), ["a"]);
  balancer.update([{ id: "a", weight: 0 }, { id: "b" }]);
  assert.deepEqual(take(balancer, 3), ["b", "b", "b"]);
  assert.deepEqual(activeOf(balancer), { b: 3, a: 1 });
});

test("a lease outlives its backend's removal, and is counted when the backend comes back", () => {
  const balancer = createBalancer({ algorithm: "lc" }, backends("a", "b"));
  const lease = balancer.acquire(flow)!;
  balancer.acquire(flow);
  balancer.update(backends("a"));
  assert.deepEqual(balancer.counts(), [
    { id: "a", weight: 1, active: 1, listed: true },
    { id: "b", weight: 0, active: 1, listed: false },
  ]);
  balancer.update([{ id: "b", weight: 7 }]);
  assert.deepEqual(balancer.counts(), [
    { id: "b", weight: 7, active: 1, listed: true },
    { id: "a", weight: 0, active: 1, listed: false },
  ]);
  lease.release();
  assert.deepEqual(activeOf(balancer), { b: 0, a: 1 });
});

test("a removed backend is forgotten with its last lease", () => {
  const balancer = createBalancer({ algorithm: "rr" }, backends("a"));
  const leases = [balancer.acquire(flow)!, balancer.acquire(flow)!];
  balancer.update([]);
  leases[0]!.release();
  assert.deepEqual(activeOf(balancer), { a: 1 });
  leases[1]!.release();
  assert.deepEqual(balancer.counts(), []);
});

test("asks the clock that it is given at each pick, and the random source that it is given", () => {
  const clock = manualClock(5);
  let asked = 0;
  const counting = { nowMs: () => ((asked += 1), clock.nowMs()) };
  const make = (): LeasingBalancer =>
    createBalancer({ algorithm: "random" }, backends("a", "b", "c"), { random: seededRandom(1), clock: counting });
  assert.deepEqual(take(make(), 50), take(make(), 50));
  assert.equal(asked, 100);
});

const wrongBackends: readonly (readonly [what: string, list: unknown, path: string, received: string])[] = [
  ["NaN", [{ id: "a", weight: Number.NaN }], "backends[0].weight", "NaN"],
  ["a negative weight", [{ id: "a" }, { id: "b", weight: -1 }], "backends[1].weight", "-1"],
  ["a weight that is too large", [{ id: "a", weight: 65_536 }], "backends[0].weight", "65536"],
  ["an infinite weight", [{ id: "a", weight: Infinity }], "backends[0].weight", "Infinity"],
  ["a fraction", [{ id: "a", weight: 0.5 }], "backends[0].weight", "0.5"],
  ["a text as weight", [{ id: "a", weight: "1" }], "backends[0].weight", "1"],
  ["null as weight", [{ id: "a", weight: null }], "backends[0].weight", "null"],
  ["a bigint as weight", [{ id: "a", weight: 1n }], "backends[0].weight", "1"],
  ["an id twice", [{ id: "a" }, { id: "b" }, { id: "a" }], "backends[2].id", "a"],
  ["an empty id", [{ id: "" }], "backends[0].id", ""],
  ["a number as id", [{ id: 1 }], "backends[0].id", "1"],
  ["a backend without id", [{ weight: 1 }], "backends[0].id", "undefined"],
  ["a misspelled field", [{ id: "a", wieght: 2 }], "backends[0].wieght", "2"],
  ["a text as backend", ["a"], "backends[0]", "a"],
  ["null as backend", [null], "backends[0]", "null"],
  ["no list", { a: 1 }, "backends", '{"a":1}'],
];

for (const [what, list, path, received] of wrongBackends) {
  test(`refuses ${what} and stays as it was`, () => {
    const wrong = list as BackendSpec[];
    assert.throws(
      () => createBalancer({ algorithm: "rr" }, wrong),
      (error: { code: string; details: { path: string; received: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === path && error.details.received === received,
    );
    for (const name of algorithmNames) {
      const make = (): LeasingBalancer =>
        createBalancer({ algorithm: name }, backends("c", "d", "e"), { random: seededRandom(3) });
      const [balancer, undisturbed] = [make(), make()];
      const before = [take(balancer, 4), balancer.counts()];
      assert.throws(() => balancer.update(wrong), { code: "BALANCER_INVALID" });
      assert.deepEqual([take(undisturbed, 4), undisturbed.counts()], before);
      assert.deepEqual(balancer.counts(), undisturbed.counts());
      assert.deepEqual(take(balancer, 5), take(undisturbed, 5));
    }
  });
}

test("refuses an unknown algorithm, unknown options and no options", () => {
  const cases: readonly (readonly [options: unknown, path: string])[] = [
    [{ algorithm: "rrr" }, "algorithm"],
    [{}, "algorithm"],
    [{ algorithm: "rr", wieghted: true }, "wieghted"],
    [{ algorithm: "sed", kernel: "6.1.176" }, "kernel"],
    [{ algorithm: "lc", kernel: "5.10" }, "kernel"],
    [undefined, "options"],
    [null, "options"],
    ["rr", "options"],
  ];
  for (const [options, path] of cases) {
    assert.throws(
      () => createBalancer(options as BalancerOptions),
      (error: { code: string; details: { path: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === path,
      JSON.stringify(options),
    );
  }
});

test("refuses a source that it does not know", () => {
  const sources = { rnadom: seededRandom(1) } as BalancerSources;
  assert.throws(
    () => createBalancer({ algorithm: "rr" }, [], sources),
    (error: { code: string; details: { path: string } }) =>
      error.code === "BALANCER_INVALID" && error.details.path === "rnadom",
  );
});

type Step =
  | { readonly op: "acquire" }
  | { readonly op: "release"; readonly nth: number }
  | { readonly op: "update"; readonly weights: Readonly<Record<string, number>> };

const IDS = Array.from({ length: 40 }, (_, n) => `backend-${n}`);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant("acquire" as const) }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("release" as const), nth: fc.nat(60) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant("update" as const),
        weights: fc.dictionary(fc.constantFrom(...IDS), fc.nat(3), { maxKeys: 40, size: "max" }),
      }),
    },
  ),
  { maxLength: 120, size: "max" },
);

/** The same balancer by hand: a slot an id for ever, in a set that is large enough from the start. */
class ByHand {
  readonly driven: DrivenSet;

  constructor(name: AlgorithmName) {
    const set = createBackendSet(IDS.length);
    const { create, stateWords } = algorithm(name);
    this.driven = new DrivenSet(set, create(set, new Int32Array(stateWords(IDS.length)), seededRandom(seed)));
  }

  acquire(): string | undefined {
    const slot = this.driven.balancer.pick(flow, 0);
    if (slot === NO_BACKEND) return undefined;
    this.driven.count(slot, { active: 1 });
    return IDS[slot];
  }

  release(id: string): void {
    this.driven.count(IDS.indexOf(id), { active: -1 });
  }

  update(weights: Readonly<Record<string, number>>): void {
    const { set } = this.driven;
    for (const slot of listed(set)) if (!Object.hasOwn(weights, IDS[slot]!)) this.driven.remove(slot);
    for (const [id, weight] of Object.entries(weights)) {
      const slot = IDS.indexOf(id);
      if (!holds(set, slot)) this.driven.add(slot, weight);
      else if (set.weight[slot] !== weight) this.driven.reweigh(slot, weight);
    }
  }

  counts(): BackendCounts[] {
    const { set } = this.driven;
    return listed(set).map((slot) => ({
      id: IDS[slot]!,
      weight: set.weight[slot]!,
      active: set.active[slot]!,
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
  test(`${name}: picks and counts as a balancer kept by hand, while backends come, go, come back and grow in number`, () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const balancer = createBalancer({ algorithm: name }, [], { random: seededRandom(seed) });
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
          } else {
            balancer.update(Object.entries(step.weights).map(([id, weight]) => ({ id, weight })));
            byHand.update(step.weights);
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
      { seed, numRuns: runs(2000, 150) },
    );
  });
}
