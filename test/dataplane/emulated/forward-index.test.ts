import assert from "node:assert/strict";
import * as fc from "fast-check";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createForwardIndex } from "../../../src/dataplane/emulated/forward-index.ts";
import { createNodeState } from "../../../src/dataplane/emulated/node-state.ts";
import { prepareDecider } from "../../../src/dataplane/emulated/prepare-decider.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import type { ForwardTable } from "../../../src/modes/userspace/forward-table.ts";
import { compilePortals } from "../../../src/modes/userspace/portals.ts";
import { type Flow, type Protocol, TCP, UDP } from "../../../src/net/flow.ts";
import { formatIp, parseIp } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";
import { node, service } from "../../support/objects.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { flow, nodeWith, plan } from "./literals.ts";

const test = suite("where the userspace mode's portals lead");

const local = "192.168.10.5";
const outside = "192.168.10.100";
const cluster = seen([
  node(),
  service({
    name: "web",
    externalIPs: ["192.0.2.1", local],
    ingress: [{ ip: "203.0.113.1" }],
    ports: [{ name: "", protocol: "TCP", port: 80, nodePort: 30080 }],
  }),
  service({ name: "dns", clusterIP: "10.96.0.53", ports: [{ name: "", protocol: "UDP", port: 53, nodePort: 30053 }] }),
]);

function compiled(bindAddress = "0.0.0.0"): ForwardTable {
  const program = compileProgram("userspace", cluster, { userspace: { bindAddress } });
  assert.ok(program.mode === "userspace");
  return program.table;
}

function led(from: string, to: string, { proto = TCP as Protocol, table = compiled() } = {}): string | undefined {
  return createForwardIndex(table, [parseIp(local), parseIp("10.244.1.1")]).find(flow(from, to, proto))?.name;
}

test("cluster IPs and load balancers' addresses lead to the proxy from everywhere", () => {
  for (const from of [outside, "10.244.1.9", local, "127.0.0.1"]) {
    for (const to of ["10.96.0.10:80", "203.0.113.1:80"]) assert.equal(led(from, to), "default/web", `${from} ${to}`);
  }
});

test("an external IP leads there from outside, and from the node only where it is local", () => {
  assert.equal(led(outside, "192.0.2.1:80"), "default/web");
  assert.equal(led("10.244.1.9", "192.0.2.1:80"), "default/web");
  assert.equal(led(local, "192.0.2.1:80"), undefined);
  assert.equal(led("10.244.1.1", "192.0.2.1:80"), undefined);
  for (const from of [outside, local]) assert.equal(led(from, `${local}:80`), "default/web");
});

test("a node port answers at every local address, loopback among them, from everywhere", () => {
  for (const from of [outside, "10.244.1.9", local]) {
    for (const to of [local, "10.244.1.1", "127.0.0.1", "127.8.9.10"]) {
      assert.equal(led(from, `${to}:30080`), "default/web", `${from} ${to}`);
      assert.equal(led(from, `${to}:30053`, { proto: UDP }), "default/dns", `${from} ${to}`);
    }
  }
  assert.equal(led(outside, "192.168.10.6:30080"), undefined, "another node's");
  assert.equal(led(outside, "10.96.0.10:30080"), undefined, "the cluster IP has no such port");
});

test("0.0.0.0 stands for every local address", () => {
  assert.equal(led(outside, "0.0.0.0:30080"), "default/web");
});

test("protocols and ports that nobody has lead nowhere, IPv6 neither", () => {
  assert.equal(led(outside, "10.96.0.10:80", { proto: UDP }), undefined);
  assert.equal(led(outside, "10.96.0.10:81"), undefined);
  assert.equal(led(outside, `${local}:30081`), undefined);
  assert.equal(led("[fd00::9]:1", "[::1]:30080"), undefined);
});

test("who asks for the proxy port itself is served, at the address it is bound to", () => {
  const [dns, web] = compiled().forwards;
  assert.equal(led(outside, `${local}:${web!.proxyPort}`), "default/web");
  assert.equal(led(outside, `${local}:${dns!.proxyPort}`, { proto: UDP }), "default/dns");
  const table = compiled(local);
  assert.equal(led(outside, `${local}:${web!.proxyPort}`, { table }), "default/web");
  assert.equal(led(outside, `127.0.0.1:${web!.proxyPort}`, { table }), undefined);
  assert.equal(led(outside, "127.0.0.1:30080", { table }), "default/web", "rules lead there all the same");
});

test("the emulated node serves a node port at loopback where the cluster has no Node", async () => {
  const model = seen([
    service({ type: "NodePort", ports: [{ name: "", protocol: "TCP", port: 80, nodePort: 30080 }] }),
  ]);
  const emulated = await nodeWith(compileProgram("userspace", model), { nodePlan: { ...plan(), nodeAddresses: [] } });
  // No endpoints: accepted, and closed without data.
  assert.equal(emulated.open("127.0.0.1", "127.0.0.1:30080"), "drop");
  assert.equal(emulated.open("127.0.0.1", "127.0.0.1:30081"), "pass");
});

/** Places so few that services meet: two cluster IPs, addresses that are the node's and such that are not. */
const address = fc.constantFrom("10.96.0.1", "10.96.0.2", local, "192.0.2.1", "203.0.113.1", "127.0.0.1");
const some = fc.uniqueArray(address, { maxLength: 2 });
const anyService = fc
  .record({
    name: fc.constantFrom("a", "b", "c", "d"),
    clusterIP: address,
    externalIPs: some,
    ingress: some.map((ips) => ips.map((ip) => ({ ip }))),
    ports: fc
      .record({
        protocol: fc.constantFrom("TCP", "UDP"),
        port: fc.constantFrom(80, 81, 30_000),
        nodePort: fc.constantFrom(0, 30_000, 30_001),
      })
      .map((port) => [{ name: "", ...port }]),
  })
  .map(service);
const anyFlow = fc.record({
  src: fc.constantFrom(outside, "10.244.1.9", local, "127.0.0.1", "10.244.1.1"),
  dst: fc.oneof(address, fc.constantFrom("10.244.1.1", "127.1.2.3", "192.168.10.6")),
  dstPort: fc.constantFrom(80, 81, 30_000, 30_001),
  proto: fc.constantFrom<Protocol>(TCP, UDP),
});

/** Which proxy the rules of a table lead a packet to, as the iptables interpreter walks them. */
function walked(table: ForwardTable, packet: Flow): string | undefined {
  const program = { mode: "iptables", rulesets: [compilePortals(table)] } as const;
  const { decisions } = createNodeState(seededRandom(0), manualClock());
  const decision = prepareDecider(program, plan(local, "10.244.1.1"), decisions).decide(packet, 0);
  if (decision.verdict !== "forward") return undefined;
  const redirected = [table.hostIp, ...["127.0.0.1", local].map((ip) => parseIp(ip))].map(formatIp);
  assert.ok(redirected.includes(formatIp(decision.to.ip)));
  return table.forwards.find(({ proxyPort }) => proxyPort === decision.to.port)?.name;
}

test("leads where the portal rules lead, when they are walked as rules", () => {
  let forwarded = 0;
  const bind = fc.constantFrom("0.0.0.0", local);
  fc.assert(
    fc.property(
      fc.array(anyService, { maxLength: 4 }),
      fc.array(anyFlow, { minLength: 8 }),
      bind,
      (services, flows, bindAddress) => {
        const program = compileProgram("userspace", seen([node(), ...services]), { userspace: { bindAddress } });
        assert.ok(program.mode === "userspace");
        const index = createForwardIndex(program.table, [parseIp(local), parseIp("10.244.1.1")]);
        for (const { src, dst, dstPort, proto } of flows) {
          const packet = flow(src, `${dst}:${dstPort}`, proto);
          const name = index.find(packet)?.name;
          assert.equal(name, walked(program.table, packet), `${src} -> ${dst}:${dstPort}`);
          if (name !== undefined) forwarded += 1;
        }
      },
    ),
    { seed, numRuns: runs(3000, 300) },
  );
  assert.ok(forwarded > 100, `seed ${seed}: ${forwarded} flows were led to a proxy`);
});
