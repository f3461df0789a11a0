import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  algorithmNames,
  type BalancerOptions,
  type BalancerSnapshot,
  createBalancer,
  type Lease,
  type LeasingBalancer,
  manualClock,
  type ManualClock,
  seededRandom,
} from "../../src/balancers/index.ts";
import { sampleFlows } from "../support/flows.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("createBalancer: snapshot and restore", { timeoutMs: 60_000 });
const flows = sampleFlows(16, 1);
const backends = (...ids: string[]): { id: string }[] => ids.map((id) => ({ id }));

type Step =
  | { readonly op: "acquire"; readonly nth: number }
  | { readonly op: "release"; readonly nth: number }
  | { readonly op: "remove"; readonly nth: number }
  | { readonly op: "put"; readonly nth: number; readonly weight: number; readonly upper: number }
  | { readonly op: "wait"; readonly ms: number };

const nth = fc.nat(60);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ op: fc.constant("acquire" as const), nth }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("release" as const), nth }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), nth }) },
    {
      weight: 3,
      arbitrary: fc.record({ op: fc.constant("put" as const), nth, weight: fc.nat(4), upper: fc.nat(6) }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("wait" as const), ms: fc.nat(3000) }) },
  ),
  { maxLength: 60, size: "max" },
);

/** A balancer and whoever uses it. */
interface Run {
  readonly balancer: LeasingBalancer;
  readonly clock: ManualClock;
  leases: readonly Lease[];
  /** Has chance begin again. */
  restartChance(): void;
}

function start(options: BalancerOptions, startMs = 0): Run {
  const clock = manualClock(startMs);
  let source = seededRandom(seed);
  const random = { u32: () => source.u32(), below: (n: number) => source.below(n) };
  return {
    balancer: createBalancer(options, undefined, { clock, random }),
    clock,
    leases: [],
    restartChance: () => (source = seededRandom(seed)),
  };
}

/** @returns what was picked. */
function play(run: Run, steps: readonly Step[]): (string | undefined)[] {
  const { balancer, clock } = run;
  const picks: (string | undefined)[] = [];
  for (const step of steps) {
    if (step.op === "acquire") {
      const lease = balancer.acquire(flows[step.nth % flows.length]!);
      picks.push(lease?.backend);
      if (lease !== undefined) run.leases = inOrder([...run.leases, lease]);
    } else if (step.op === "release") {
      const lease = run.leases[step.nth % Math.max(run.leases.length, 1)];
      lease?.release({ latencyMs: 3 });
      run.leases = run.leases.filter((one) => one !== lease);
    } else if (step.op === "put") {
      balancer.put({ id: `backend-${step.nth % 20}`, weight: step.weight, upper: step.upper });
    } else if (step.op === "remove") {
      const listed = balancer.counts().filter(({ listed }) => listed);
      if (listed.length > 0) balancer.remove(listed[step.nth % listed.length]!.id);
    } else clock.advance(step.ms);
  }
  return picks;
}

/** Leases of one backend are as good as each other. */
function inOrder(leases: readonly Lease[]): readonly Lease[] {
  return leases.toSorted((a, b) => a.backend.localeCompare(b.backend));
}

function afterJson(snapshot: BalancerSnapshot): BalancerSnapshot {
  return JSON.parse(JSON.stringify(snapshot)) as BalancerSnapshot;
}

/** Of two clients whose entries lie beside each other one is forgotten just when the snapshot is made. */
const oneForgotten: [Step[], Step[], 4] = [
  [
    { op: "put", nth: 0, weight: 1, upper: 0 },
    { op: "acquire", nth: 4 },
    { op: "wait", ms: 749 },
    { op: "acquire", nth: 13 },
    { op: "wait", ms: 3251 },
  ],
  [
    { op: "acquire", nth: 4 },
    { op: "acquire", nth: 13 },
  ],
  4,
];

for (const algorithm of algorithmNames) {
  test(`${algorithm}: a restored balancer goes on with the same picks and counts`, () => {
    fc.assert(
      fc.property(steps, steps, fc.constantFrom(0, 4), (before, after, affinitySeconds) => {
        const options = { algorithm, affinitySeconds };
        const first = start(options);
        play(first, before);
        const snapshot = first.balancer.snapshot();
        first.restartChance();

        const second = start(options, first.clock.nowMs());
        second.leases = inOrder(second.balancer.restore(afterJson(snapshot)));
        assert.deepEqual(second.balancer.snapshot(), snapshot);
        assert.deepEqual(play(second, after), play(first, after));
        assert.deepEqual(second.balancer.counts(), first.balancer.counts());
        assert.deepEqual(second.balancer.snapshot(), first.balancer.snapshot());
      }),
      { seed, numRuns: runs(100, 5), examples: [oneForgotten] },
    );
  });
}

test("is restored in place, and gives a lease for each that it counts; those from before are void", () => {
  const { balancer } = start({ algorithm: "lc" });
  balancer.update(backends("a", "b"));
  const [flow] = flows as [(typeof flows)[0]];
  const [b, a] = [balancer.acquire(flow)!, balancer.acquire(flow)!];
  balancer.remove("b");
  const snapshot = balancer.snapshot();
  b.release();
  balancer.update(backends("c"));
  const leases = balancer.restore(snapshot);
  assert.deepEqual(
    leases.map(({ backend }) => backend),
    ["a", "b"],
  );
  assert.deepEqual(
    balancer.counts().map(({ id, active, listed }) => [id, active, listed]),
    [
      ["a", 1, true],
      ["b", 1, false],
    ],
  );
  for (const former of [a, b]) assert.throws(() => former.release(), { code: "BALANCER_INVALID" });
  for (const lease of leases) lease.release();
  assert.deepEqual(
    balancer.counts().map(({ id, active }) => [id, active]),
    [["a", 0]],
  );
});

test("keeps thresholds, and whether they were reached", () => {
  const first = start({ algorithm: "rr" });
  first.balancer.put({ id: "a", upper: 4, lower: 2 });
  const leases = [1, 2, 3, 4].map(() => first.balancer.acquire(flows[0]!)!);
  for (const lease of leases.slice(0, 2)) lease.release();
  const second = start({ algorithm: "rr" });
  const [one] = second.balancer.restore(afterJson(first.balancer.snapshot()));
  assert.equal(second.balancer.acquire(flows[0]!), undefined);
  one!.release();
  assert.equal(second.balancer.acquire(flows[0]!)?.backend, "a");
});

const full = start({ algorithm: "wlc", affinitySeconds: 60 });
full.balancer.update([{ id: "a", weight: 3 }, { id: "b", upper: 9 }, { id: "c" }]);
for (const flow of flows) full.balancer.acquire(flow);
full.balancer.remove("a");
const good = full.balancer.snapshot();

const wrong: readonly (readonly [what: string, path: string, snapshot: unknown])[] = [
  ["nothing", "snapshot", undefined],
  ["null", "snapshot", null],
  ["a text", "snapshot", "{}"],
  ["an empty object", "snapshot.version", {}],
  ["a later version", "snapshot.version", { ...good, version: 2 }],
  ["another algorithm", "snapshot.algorithm", { ...good, algorithm: "lc" }],
  ["another kernel", "snapshot.options", { ...good, options: { ...good.options, kernel: "6.1.176" } }],
  ["another affinity", "snapshot.options", { ...good, options: { ...good.options, affinitySeconds: 61 } }],
  ["no options", "snapshot.options", { ...good, options: null }],
  ["no capacity", "snapshot.capacity", { ...good, capacity: Number.NaN }],
  ["capacity 0", "snapshot.capacity", { ...good, capacity: 0 }],
  ["too little state", "snapshot.state", { ...good, state: good.state.slice(1) }],
  ["another capacity than the state's", "snapshot.state", { ...good, capacity: 17 }],
  ["a fraction in the state", "snapshot.state[1]", { ...good, state: good.state.with(1, 0.5) }],
  ["a word too large", "snapshot.state[0]", { ...good, state: good.state.with(0, 2 ** 33) }],
  ["no list of backends", "snapshot.backends", { ...good, backends: {} }],
  ["no backend", "snapshot.backends[0]", { ...good, backends: good.backends.with(0, null as never) }],
  ["a negative count", "snapshot.backends[0]", editBackend(0, { active: -1 })],
  ["an unlisted backend without leases", "snapshot.backends[2]", editBackend(2, { active: 0 })],
  ["a text as flag", "snapshot.backends[1]", editBackend(1, { overloaded: "no" })],
  ["a negative weight", "backends[0].weight", editBackend(0, { weight: -1 })],
  ["a lower threshold above the upper one", "backends[1].lower", editBackend(1, { lower: 10 })],
  ["an id twice", "backends[1].id", editBackend(1, { id: "c" })],
  ["a slot twice", "snapshot.free", editBackend(1, { slot: good.backends[0]!.slot })],
  ["a slot that is not there", "snapshot.free", { ...good, free: good.free.slice(1) }],
  ["a free slot beyond the capacity", "snapshot.free[0]", { ...good, free: good.free.with(0, 99) }],
  ["a client at no backend", "snapshot.clients[0]", editClient({ slot: 15 })],
  ["a client that is no address", "snapshot.clients[0]", editClient({ client: "10.0.0.256" })],
  ["a client without time", "snapshot.clients[0]", editClient({ untilMs: null })],
  ["no list of templates", "snapshot.templates", { ...good, templates: undefined }],
  ["a template that is nothing", "snapshot.templates[0]", { ...good, templates: [null] }],
  ["a template of no address", "snapshot.templates[0]", withTemplate({ client: "a" })],
  ["a template of no backend", "snapshot.templates[0]", withTemplate({ backend: 1 })],
  ["a template without time", "snapshot.templates[0]", withTemplate({ timeoutMs: 0 })],
  ["a negative number of leases", "snapshot.templates[0]", withTemplate({ leases: -1 })],
  ["a template that was not there", "snapshot.sum", withTemplate({})],
  ["a weight that was changed", "snapshot.sum", editBackend(0, { weight: 2 })],
  ["state that was changed", "snapshot.sum", { ...good, state: good.state.with(3, 1_234) }],
  ["no sum", "snapshot.sum", { ...good, sum: undefined }],
];

function editBackend(nth: number, change: object): object {
  return { ...good, backends: good.backends.with(nth, { ...good.backends[nth]!, ...change }) };
}

function withTemplate(fields: object): object {
  const template = { client: "10.0.0.1", backend: "c", timeoutMs: 1000, untilMs: 5000, leases: 0, ...fields };
  return { ...good, templates: [template] };
}

function editClient(change: object): object {
  return { ...good, clients: good.clients.with(0, { ...good.clients[0]!, ...change } as never) };
}

for (const [what, path, snapshot] of wrong) {
  test(`refuses ${what}, and stays as it was`, () => {
    const { balancer } = start({ algorithm: "wlc", affinitySeconds: 60 });
    balancer.update(backends("x", "y"));
    const lease = balancer.acquire(flows[0]!)!;
    const before = balancer.snapshot();
    assert.throws(
      () => balancer.restore(snapshot as BalancerSnapshot),
      (error: { code: string; details: { path: string } }) => {
        assert.deepEqual([error.code, error.details.path], ["BALANCER_INVALID", path]);
        return true;
      },
    );
    assert.deepEqual(balancer.snapshot(), before);
    lease.release();
  });
}

test("takes what all these were made from, in whatever order its fields are", () => {
  const { balancer } = start({ algorithm: "wlc", affinitySeconds: 60 });
  const turned = Object.fromEntries(Object.entries(good).reverse()) as unknown as BalancerSnapshot;
  const rows = turned.backends.map((one) => Object.fromEntries(Object.entries(one).reverse()) as never);
  balancer.restore({ ...turned, backends: rows });
  assert.deepEqual(balancer.snapshot(), good);
});
