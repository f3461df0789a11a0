import assert from "node:assert/strict";
import {
  algorithmNames,
  type BackendSpec,
  type BalancerOptions,
  type BalancerSources,
  createBalancer,
  type FlowOutcome,
  type Kernel,
  type LeasingBalancer,
  manualClock,
  type ProbeAnswer,
  seededRandom,
} from "../../src/balancers/index.ts";
import { sampleFlows } from "../support/flows.ts";
import { seed } from "../support/seed.ts";
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
    balancer.remove("a");
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
    { id: "a", weight: 1, active: 1, overloaded: false, listed: true },
    { id: "b", weight: 0, active: 1, overloaded: false, listed: false },
  ]);
  balancer.update([{ id: "b", weight: 7 }]);
  assert.deepEqual(balancer.counts(), [
    { id: "b", weight: 7, active: 1, overloaded: false, listed: true },
    { id: "a", weight: 0, active: 1, overloaded: false, listed: false },
  ]);
  lease.release();
  assert.deepEqual(activeOf(balancer), { b: 0, a: 1 });
});

test("a removed backend is forgotten with its last lease", () => {
  const balancer = createBalancer({ algorithm: "rr" }, backends("a"));
  const leases = [balancer.acquire(flow)!, balancer.acquire(flow)!];
  balancer.remove("a");
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

test("an overloaded backend takes no new flow until enough of its leases are released", () => {
  const balancer = createBalancer({ algorithm: "fo" }, [{ id: "a" }, { id: "b", weight: 2, upper: 4, lower: 2 }]);
  const leases = Array.from({ length: 4 }, () => balancer.acquire(flow)!);
  assert.ok(leases.every(({ backend }) => backend === "b"));
  assert.deepEqual(
    balancer.counts().map(({ id, overloaded }) => [id, overloaded]),
    [
      ["b", true],
      ["a", false],
    ],
  );
  assert.deepEqual(take(balancer, 1), ["a"]);
  for (const lease of leases.slice(0, 2)) lease.release();
  assert.deepEqual(take(balancer, 1), ["a"]);
  leases[2]!.release();
  assert.deepEqual(take(balancer, 4), ["b", "b", "b", "a"]);
});

test("follows the rules of the kernel that it is told, whatever the algorithm", () => {
  const picksOn = (kernel: Kernel): (string | undefined)[] => {
    const balancer = createBalancer({ algorithm: "fo", kernel }, [{ id: "a" }, { id: "b", weight: 2 }]);
    take(balancer, 5);
    balancer.put({ id: "b", weight: 2, upper: 3 });
    return take(balancer, 2);
  };
  assert.deepEqual(picksOn("7.2.13"), ["a", "a"]);
  assert.deepEqual(picksOn("6.1.176"), ["b", "a"]);
});

test("adds, edits and removes one backend", () => {
  const balancer = createBalancer({ algorithm: "rr" }, backends("a", "b"));
  balancer.put({ id: "c" });
  assert.deepEqual(take(balancer, 3), ["c", "b", "a"]);
  balancer.put({ id: "b", weight: 0 });
  assert.deepEqual(take(balancer, 2), ["c", "a"]);
  balancer.remove("c");
  balancer.put({ id: "b", weight: 3 });
  assert.deepEqual(
    balancer.counts().map(({ id, weight, listed }) => [id, weight, listed]),
    [
      ["b", 3, true],
      ["a", 1, true],
      ["c", 0, false],
    ],
  );
});

test("refuses to remove what is not in the list, and to take probes of it", () => {
  const balancer = createBalancer({ algorithm: "prequal" }, backends("a", "b"));
  balancer.acquire(flow);
  balancer.remove("a");
  for (const id of ["a", "z", ""]) {
    const error = {
      code: "BALANCER_INVALID",
      details: { path: "id", expected: "the id of a listed backend", received: id },
    };
    assert.throws(() => balancer.remove(id), error);
    assert.throws(() => balancer.probed(id, { inFlight: 1, latencyMs: 1 }), error);
  }
  for (const [path, answer] of [
    ["inFlight", { inFlight: -1, latencyMs: 1 }],
    ["inFlight", { latencyMs: 1 }],
    ["latencyMs", { inFlight: 1, latencyMs: Number.NaN }],
    ["latencyMs", { inFlight: 1, latencyMs: Infinity }],
  ] as const) {
    assert.throws(
      () => balancer.probed("b", answer as ProbeAnswer),
      (error: { code: string; details: { path: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === path,
    );
  }
});

test("a probe's answer reaches the algorithm", () => {
  const balancer = createBalancer({ algorithm: "prequal" }, backends("a", "b", "c"), { clock: manualClock() });
  balancer.probed("a", { inFlight: 1, latencyMs: 90 });
  balancer.probed("c", { inFlight: 1, latencyMs: 10 });
  balancer.probed("b", { inFlight: 1, latencyMs: 50 });
  assert.deepEqual(take(balancer, 1), ["c"]);
});

test("how a flow ended reaches the algorithm: how long it took, or was said to take, and whether it failed", () => {
  const outcomes: readonly (readonly [slow: FlowOutcome | undefined, waitMs: number])[] = [
    [undefined, 400],
    [{ latencyMs: 400 }, 1],
    [{ failed: true }, 1],
  ];
  for (const [slow, waitMs] of outcomes) {
    const clock = manualClock();
    const sources = { clock, random: seededRandom(seed) };
    const balancer = createBalancer({ algorithm: "peak-ewma" }, backends("a", "b"), sources);
    for (let taken = 0; taken < 2; taken += 1) {
      const lease = balancer.acquire(flow)!;
      const isA = lease.backend === "a";
      clock.advance(isA ? waitMs : 2);
      lease.release(isA ? slow : {});
    }
    // With both costs known and none busy, the quick one is the cheaper of any two that are drawn.
    const picks = Array.from({ length: 20 }, () => {
      const lease = balancer.acquire(flow)!;
      lease.release({ latencyMs: 2 });
      return lease.backend;
    });
    assert.deepEqual(new Set(picks), new Set(["b"]), JSON.stringify(slow));
  }
});

test("refuses an outcome that cannot be, and keeps the lease", () => {
  const balancer = createBalancer({ algorithm: "rr" }, backends("a"));
  const lease = balancer.acquire(flow)!;
  for (const [path, outcome] of [
    ["latencyMs", { latencyMs: -1 }],
    ["latencyMs", { latencyMs: "1" }],
    ["failed", { failed: 1 }],
    ["outcome", null],
    ["outcome", 5],
    ["latency", { latency: 5 }],
  ] as const) {
    assert.throws(
      () => lease.release(outcome as unknown as FlowOutcome),
      (error: { code: string; details: { path: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === path,
    );
  }
  lease.release();
  assert.deepEqual(activeOf(balancer), { a: 0 });
});

test("explains itself by ids", () => {
  const balancer = createBalancer({ algorithm: "sed" }, [{ id: "a", weight: 2 }, { id: "b" }, { id: "c", weight: 0 }]);
  take(balancer, 2);
  assert.deepEqual(balancer.explain(flow), {
    backend: "a",
    byChance: false,
    rule: "the smallest expected delay; of equal ones the newest",
    candidates: [
      { backend: "b", value: 2, meaning: "(active + 1) / weight" },
      { backend: "a", value: 1, meaning: "(active + 1) / weight" },
    ],
  });
  assert.deepEqual(createBalancer({ algorithm: "random" }, backends("a", "b")).explain(flow), {
    backend: undefined,
    byChance: true,
    rule: "chance: all usable ones are as likely",
    candidates: [
      { backend: "b", value: 0.5, meaning: "chance" },
      { backend: "a", value: 0.5, meaning: "chance" },
    ],
  });
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
  ["a negative threshold", [{ id: "a", upper: -1 }], "backends[0].upper", "-1"],
  ["a threshold that is too large", [{ id: "a", upper: 2 ** 31 }], "backends[0].upper", "2147483648"],
  ["a lower threshold above the upper one", [{ id: "a", upper: 3, lower: 4 }], "backends[0].lower", "4"],
  ["a lower threshold alone", [{ id: "a", lower: 1 }], "backends[0].lower", "1"],
  ["NaN as threshold", [{ id: "a", upper: 3, lower: Number.NaN }], "backends[0].lower", "NaN"],
  ["no backends", [], "backends", "[]"],
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
      const last = Array.isArray(wrong) && wrong.length === 1 ? wrong[0]! : (wrong as unknown as BackendSpec);
      assert.throws(() => balancer.put(last), { code: "BALANCER_INVALID" });
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
    [{ algorithm: "sed", krenel: "6.1.176" }, "krenel"],
    [{ algorithm: "sed", kernel: "5.10" }, "kernel"],
    [{ algorithm: "lc", kernel: "5.10" }, "kernel"],
    [{ algorithm: "rr", affinitySeconds: -1 }, "affinitySeconds"],
    [{ algorithm: "rr", affinitySeconds: 86_401 }, "affinitySeconds"],
    [{ algorithm: "rr", affinitySeconds: Number.NaN }, "affinitySeconds"],
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

const refusesField = (act: () => unknown, path: string, what: string): void =>
  assert.throws(
    act,
    (error: { code: string; details: { path: string } }) =>
      error.code === "BALANCER_INVALID" && error.details.path === path,
    what,
  );

test("refuses sources that it does not know, or that are none", () => {
  const cases: readonly (readonly [sources: unknown, path: string])[] = [
    [{ rnadom: seededRandom(1) }, "rnadom"],
    [{ random: Math.max }, "random"],
    [{ random: null }, "random"],
    [{ random: { u32: () => 1 } }, "random"],
    [{ clock: () => 5 }, "clock"],
    [{ clock: null }, "clock"],
    [null, "sources"],
    ["now", "sources"],
  ];
  for (const [sources, path] of cases) {
    const create = (): unknown => createBalancer({ algorithm: "rr" }, undefined, sources as BalancerSources);
    refusesField(create, path, JSON.stringify(sources));
  }
});

test("refuses what is no flow, whatever the algorithm, and stays as it was", () => {
  const cases: readonly (readonly [flow: unknown, path: string])[] = [
    [undefined, "flow"],
    [null, "flow"],
    [{ ...flow, src: "10.0.0.1" }, "flow.src"],
    [{ ...flow, src: -1 }, "flow.src"],
    [{ ...flow, src: 2 ** 32 }, "flow.src"],
    [{ ...flow, src: 0.5 }, "flow.src"],
    [{ ...flow, src: null }, "flow.src"],
    [{ ...flow, dst: { w0: 1, w1: 2, w2: 3 } }, "flow.dst"],
    [{ ...flow, dst: { w0: 1, w1: 2, w2: 3, w3: -4 } }, "flow.dst"],
    [{ ...flow, srcPort: "80" }, "flow.srcPort"],
    [{ ...flow, dstPort: 65_536 }, "flow.dstPort"],
    [{ ...flow, dstPort: undefined }, "flow.dstPort"],
  ];
  for (const algorithm of algorithmNames) {
    const balancer = createBalancer({ algorithm, affinitySeconds: 9 }, backends("a", "b"), { clock: manualClock() });
    const before = balancer.snapshot();
    for (const [wrong, path] of cases) {
      refusesField(() => balancer.acquire(wrong as typeof flow), path, `${algorithm}: ${JSON.stringify(wrong)}`);
      refusesField(() => balancer.explain(wrong as typeof flow), path, `${algorithm}: ${JSON.stringify(wrong)}`);
    }
    assert.deepEqual(balancer.snapshot(), before);
  }
});

test("names what it refuses even where that cannot be written out", () => {
  const circle: { self?: object; weight?: object } = {};
  circle.self = circle;
  for (const weight of [circle, { big: 1n }, Symbol("w"), () => 1]) {
    const list = [{ id: "a", weight }] as unknown as BackendSpec[];
    refusesField(() => createBalancer({ algorithm: "rr" }, list), "backends[0].weight", String(typeof weight));
  }
});
