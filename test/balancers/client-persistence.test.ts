import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  type BalancerOptions,
  createBalancer,
  type Flow,
  type Lease,
  type LeasingBalancer,
  manualClock,
  type ManualClock,
  parseIp,
  seededRandom,
  TCP,
} from "../../src/balancers/index.ts";
import { Ipvs } from "../../src/dataplane/emulated/ipvs/ipvs.ts";
import { parseSocketAddr } from "../../src/net/parse-socket-addr.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("persistence by client");

let ports = 0;
/** A new flow of a client: from a port of its own. */
function flowOf(client: string): Flow {
  ports = (ports + 1) % 60_000;
  return { proto: TCP, src: parseIp(client), srcPort: 1024 + ports, dst: parseIp("10.96.0.1"), dstPort: 80 };
}

interface Trial {
  readonly balancer: LeasingBalancer;
  readonly clock: ManualClock;
  open(client: string): Lease;
}

/** Round robin over a, b and c, whose first turn is c, b, a. */
function trial(options: Partial<BalancerOptions> = {}): Trial {
  const clock = manualClock();
  const resolved = { algorithm: "rr", persistenceSeconds: 100, ...options } as BalancerOptions;
  const balancer = createBalancer(
    resolved,
    ["a", "b", "c"].map((id) => ({ id })),
    { clock, random: seededRandom(seed) },
  );
  return { balancer, clock, open: (client) => balancer.acquire(flowOf(client))! };
}
const client = "10.0.0.1";
const other = "10.0.0.2";

test("a client's flows go to one backend, and only those without a template move the algorithm on", () => {
  const { open } = trial();
  assert.deepEqual(
    [client, client, other, client, other].map((one) => open(one).backend),
    ["c", "c", "b", "c", "b"],
  );
});

test("a mask says who is one client, for its own family of addresses", () => {
  const ip4 = trial({ persistenceMask: "255.255.255.0" });
  assert.deepEqual(
    ["10.0.0.1", "10.0.0.200", "10.0.1.1", "fd00::1", "fd00::2"].map((one) => ip4.open(one).backend),
    ["c", "c", "b", "a", "c"],
  );
  const ip6 = trial({ persistenceMask: 64 });
  assert.deepEqual(
    ["fd00::1", "fd00::ffff", "fd00:0:0:1::1", "10.0.0.1", "10.0.0.2"].map((one) => ip6.open(one).backend),
    ["c", "c", "b", "a", "c"],
  );
});

test("its time begins anew with every new flow, and is over when nothing came and nothing is open", () => {
  const { open, clock } = trial();
  open(client).release();
  clock.advance(99_999);
  const lease = open(client);
  assert.equal(lease.backend, "c");
  lease.release();
  clock.advance(99_999);
  assert.equal(open(other).backend, "b");
  clock.advance(1);
  assert.equal(open(client).backend, "a");
});

test("when it is over while flows are open, the template stays, with 60 s from then on", () => {
  const { open, clock } = trial();
  const lease = open(client);
  clock.advance(100_000 + 59_999);
  const further = open(client);
  assert.equal(further.backend, "c");
  for (const one of [lease, further]) one.release();
  clock.advance(59_999);
  assert.equal(open(client).backend, "c");
  const short = trial();
  short.open(client).release();
  short.clock.advance(100_000);
  assert.equal(short.open(client).backend, "b");
});

test("a flow that ends at the moment when its template is over does not keep it", () => {
  const { open, clock } = trial();
  const lease = open(client);
  clock.advance(100_000);
  lease.release();
  assert.equal(open(client).backend, "b");
});

test("a backend that drains, or is overloaded, keeps its clients and gets no new ones", () => {
  const { open, balancer } = trial();
  open(client);
  balancer.put({ id: "c", weight: 0 });
  assert.deepEqual([open(client).backend, open(other).backend], ["c", "b"]);
  balancer.put({ id: "c", weight: 1, upper: 1 });
  assert.deepEqual([open(client).backend, open("10.0.0.3").backend], ["c", "a"]);
});

test("a backend that was removed gets back the clients that did not ask meanwhile", () => {
  const { open, balancer } = trial();
  for (const one of [client, other, "10.0.0.3", "10.0.0.4"]) open(one);
  balancer.remove("c");
  assert.equal(open(client).backend, "b");
  balancer.put({ id: "c" });
  assert.equal(open(client).backend, "b");
  assert.equal(open("10.0.0.4").backend, "c");
});

test("explains that the template decides, and for how long", () => {
  const { open, balancer, clock } = trial();
  assert.match(balancer.explain(flowOf(client)).rule, /^the next usable one/);
  open(client);
  clock.advance(40_000);
  const { backend, byChance, rule, candidates } = balancer.explain(flowOf(client));
  assert.deepEqual([backend, byChance, candidates[0]?.value], ["c", false, 60]);
  assert.match(rule, /^persistence: /);
});

test("old templates go as new ones come: of 1,000 clients only one with an open flow is left", () => {
  const { open, balancer, clock } = trial({ persistenceSeconds: 60 });
  const keep = open("10.255.255.255");
  for (let n = 0; n < 1000; n += 1) {
    open(`10.1.${n >> 8}.${n & 255}`).release();
    clock.advance(60_000);
  }
  const { templates } = balancer.snapshot();
  assert.deepEqual(
    templates.map(({ client, leases }) => [client, leases]),
    [["10.255.255.255", 1]],
  );
  keep.release();
});

test("refuses what cannot be", () => {
  const wrong: readonly (readonly [options: object, path: string])[] = [
    [{ persistenceSeconds: -1 }, "persistenceSeconds"],
    [{ persistenceSeconds: 2_678_401 }, "persistenceSeconds"],
    [{ persistenceSeconds: 1.5 }, "persistenceSeconds"],
    [{ affinitySeconds: 5 }, "persistenceSeconds"],
    [{ persistenceMask: "255.255" }, "persistenceMask"],
    [{ persistenceMask: "ffff::" }, "persistenceMask"],
    [{ persistenceMask: 0 }, "persistenceMask"],
    [{ persistenceMask: 129 }, "persistenceMask"],
    [{ persistenceMask: null }, "persistenceMask"],
  ];
  for (const [options, path] of wrong) {
    assert.throws(
      () => trial(options as Partial<BalancerOptions>),
      (error: { code: string; details: { path: string } }) =>
        error.code === "BALANCER_INVALID" && error.details.path === path,
      JSON.stringify(options),
    );
  }
});

test("a snapshot keeps the templates, and which flows hold them", () => {
  const { open, balancer, clock } = trial();
  open(client);
  open(other).release();
  clock.advance(30_000);
  const snapshot = structuredClone(balancer.snapshot());
  assert.deepEqual(
    snapshot.templates.map(({ client, backend, untilMs, leases }) => [client, backend, untilMs, leases]),
    [
      [client, "c", 100_000, 1],
      [other, "b", 100_000, 0],
    ],
  );
  const again = trial();
  again.clock.advance(30_000);
  const [lease] = again.balancer.restore(snapshot);
  again.clock.advance(70_000);
  assert.deepEqual([again.open(client).backend, again.open(other).backend], ["c", "a"]);
  lease!.release();
  const broken = { ...snapshot, templates: [{ ...snapshot.templates[0]!, leases: 2 }] };
  assert.throws(() => again.balancer.restore(broken), { code: "BALANCER_INVALID" });
});

type Step =
  | { readonly op: "open"; readonly client: string }
  | { readonly op: "release"; readonly nth: number }
  | { readonly op: "wait"; readonly ms: number }
  | { readonly op: "add"; readonly id: string; readonly weight: number }
  | { readonly op: "remove"; readonly nth: number };

const ids = [1, 2, 3, 4].map((n) => `10.244.0.${n}:8080`);
const of = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const nth = fc.nat(40);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        op: of("open" as const),
        client: fc.constantFrom("10.1.1.1", "10.1.1.2", "10.1.2.1", "fd00::1", "fd00::2"),
      }),
    },
    { weight: 3, arbitrary: fc.record({ op: of("release" as const), nth }) },
    {
      weight: 3,
      // A millisecond more each time: no flow is released at the very moment when a template's whole seconds are over.
      arbitrary: fc.record({ op: of("wait" as const), ms: fc.constantFrom(1, 1001, 30_001, 59_001, 60_001, 90_001) }),
    },
    { weight: 1, arbitrary: fc.record({ op: of("add" as const), id: fc.constantFrom(...ids), weight: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ op: of("remove" as const), nth }) },
  ),
  { maxLength: 120, size: "max" },
);

test("sends every flow where the emulated IPVS sends its connection, on any trace", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 60, 90),
      fc.constantFrom(undefined, "255.255.255.0", 64),
      steps,
      (seconds, mask, steps) => {
        const clock = manualClock();
        const random = seededRandom(seed);
        const balancer = createBalancer(
          { algorithm: "lc", persistenceSeconds: seconds, ...(mask === undefined ? {} : { persistenceMask: mask }) },
          undefined,
          { clock, random },
        );
        // Connections last until they are released.
        const ipvs = new Ipvs({ clock, random }, { timeoutsMs: { SYN_RECV: Infinity } });
        const all = 0xffff_ffff;
        const netmask = mask === 64 ? { w0: all, w1: all, w2: 0, w3: 0 } : parseIp("255.255.255.0");
        const persistence = { timeoutMs: seconds * 1000, ...(mask === undefined ? {} : { netmask }) };
        const service = ipvs.createService({ scheduler: "lc", flags: [], persistence, onePacket: false });
        const open: { readonly lease: Lease; readonly flow: Flow }[] = [];

        const put = (id: string, weight: number): void => {
          balancer.put({ id, weight });
          const addr = parseSocketAddr(id, "id");
          const server = service.servers.find(addr);
          const settings = { weight, upper: 0, lower: 0 };
          if (server === undefined) service.servers.add(addr, settings);
          else service.servers.edit(server, settings);
        };
        const send = (flow: Flow): void => {
          const lease = balancer.acquire(flow);
          const verdict = ipvs.packet(flow, "open", service);
          const server = verdict.verdict === "forward" ? verdict.server.addr : undefined;
          assert.deepEqual(lease === undefined ? undefined : parseSocketAddr(lease.backend, "backend"), server);
          if (lease !== undefined) open.push({ lease, flow });
        };
        for (const id of ids.slice(0, 3)) put(id, 1);
        for (const step of steps) {
          if (step.op === "open") send(flowOf(step.client));
          else if (step.op === "wait") clock.advance(step.ms);
          else if (step.op === "add") put(step.id, step.weight);
          else if (step.op === "release") {
            const [one] = open.splice(step.nth % Math.max(open.length, 1), 1);
            if (one === undefined) continue;
            ipvs.forget(ipvs.find(one.flow)!);
            one.lease.release();
          } else {
            const listed = balancer.counts().filter((backend) => backend.listed);
            if (listed.length === 0) continue;
            const { id } = listed[step.nth % listed.length]!;
            balancer.remove(id);
            ipvs.removeServer(service, service.servers.find(parseSocketAddr(id, "id"))!);
          }
        }
      },
    ),
    { seed, numRuns: runs(3000, 500) },
  );
});
