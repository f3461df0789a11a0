/** Which UDP flows a kernel must forget: kube-proxy's own table of cases, and a real kernel's flows. */
import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import type { UdpService } from "../../../src/dataplane/dataplane.ts";
import { type ConntrackFlow, readConntrack } from "../../../src/dataplane/kernel/conntrack-list.ts";
import { staleUdpFlows } from "../../../src/dataplane/kernel/stale-udp.ts";
import { formatSocketAddr } from "../../../src/net/flow.ts";
import { parseSocketAddr } from "../../../src/net/parse-socket-addr.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { type Kernel, noted, obstacle, programOf, withKernel, withoutCommands } from "./in-kernel.ts";

const missing = await obstacle("nf_tables");
const test = suite("kernel: stale UDP flows", { timeoutMs: 60_000 });

const addr = (text: string) => parseSocketAddr(text, "address");

/** `client to service answered by endpoint`. */
function flow(client: string, to: string, by: string): ConntrackFlow {
  const [src, dst, answering] = [addr(client), addr(to), addr(by)];
  return { original: { src, dst }, reply: { src: answering, dst: src } };
}

function udp(addrs: readonly string[], nodePort: number, ...endpoints: readonly string[]): UdpService {
  return { addrs: addrs.map(addr), nodePort, endpoints: endpoints.map(addr) };
}

function stale(services: readonly UdpService[], ...flows: readonly ConntrackFlow[]): readonly string[] {
  return staleUdpFlows(flows, services).map(({ original }) => formatSocketAddr(original.src));
}

const dns = udp(["10.96.0.10:53", "1.2.3.4:53", "5.6.7.8:53"], 30053, "10.0.0.1:5353", "10.0.0.2:5353");

test("a flow to an endpoint that serves stays, at every address of its service", () => {
  const flows = ["10.96.0.10:53", "1.2.3.4:53", "5.6.7.8:53", "192.168.0.1:30053"].map((to, i) =>
    flow(`10.9.0.${i}:1000`, to, "10.0.0.2:5353"),
  );
  assert.deepEqual(stale([dns], ...flows), []);
});

test("a flow to an endpoint that is gone goes, at every address of its service", () => {
  const flows = ["10.96.0.10:53", "1.2.3.4:53", "5.6.7.8:53", "192.168.0.1:30053"].map((to, i) =>
    flow(`10.9.0.${i}:1000`, to, "10.0.0.3:5353"),
  );
  assert.deepEqual(
    stale([dns], ...flows),
    [0, 1, 2, 3].map((i) => `10.9.0.${i}:1000`),
  );
});

test("an endpoint's address with another port is another endpoint", () => {
  assert.deepEqual(stale([dns], flow("10.9.0.1:1", "10.96.0.10:53", "10.0.0.1:53")), ["10.9.0.1:1"]);
});

test("a flow that no rule met goes as soon as there is an endpoint", () => {
  const passed = flow("10.9.0.1:1", "10.96.0.10:53", "10.96.0.10:53");
  assert.deepEqual(stale([dns], passed), ["10.9.0.1:1"]);
  assert.deepEqual(stale([udp(["10.96.0.10:53"], 0)], passed), []);
});

test("another port of a service's address is not the service's", () => {
  assert.deepEqual(stale([dns], flow("10.9.0.1:1", "10.96.0.10:54", "10.0.0.9:54")), []);
});

test("a service without serving endpoints keeps its flows", () => {
  assert.deepEqual(stale([udp(["10.96.0.10:53"], 30053)], flow("10.9.0.1:1", "10.96.0.10:53", "10.0.0.9:1")), []);
});

test("a flow to another host's port goes when its number is a node port's", () => {
  assert.deepEqual(stale([dns], flow("10.9.0.1:1", "8.8.8.8:30053", "8.8.8.8:30053")), ["10.9.0.1:1"]);
});

test("IPv6 is told from IPv4", () => {
  const six = udp(["[fd00::10]:53"], 0, "[fd00::1]:5353");
  assert.deepEqual(stale([dns, six], flow("[fd00::9]:1", "[fd00::10]:53", "[fd00::2]:5353")), ["[fd00::9]:1"]);
  assert.deepEqual(stale([dns, six], flow("[fd00::9]:1", "[fd00::10]:53", "[fd00::1]:5353")), []);
});

test("what conntrack lists is read, whatever stands around the addresses", () => {
  const text = [
    "udp      17 29 src=10.9.0.1 dst=10.96.0.10 sport=4000 dport=53 [UNREPLIED] src=10.0.0.1 dst=10.9.0.1 sport=5353 dport=4000 mark=0 use=1",
    "udp      17 119 src=10.9.0.2 dst=10.96.0.10 sport=4001 dport=53 packets=1 bytes=60 src=10.0.0.2 dst=10.9.0.2 sport=5353 dport=4001 packets=1 bytes=60 [ASSURED] mark=0 zone=3 use=1",
    "ipv6     10 udp      17 29 src=fd00::9 dst=fd00::10 sport=1 dport=53 src=fd00::1 dst=fd00::9 sport=5353 dport=1 use=1",
    "conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.",
    "",
  ].join("\n");
  assert.deepEqual(readConntrack(text), [
    flow("10.9.0.1:4000", "10.96.0.10:53", "10.0.0.1:5353"),
    flow("10.9.0.2:4001", "10.96.0.10:53", "10.0.0.2:5353"),
    flow("[fd00::9]:1", "[fd00::10]:53", "[fd00::1]:5353"),
  ]);
});

/** A UDP service at an address of loopback, whose endpoints are others. */
function cluster(...serving: readonly string[]): ClusterObject[] {
  const ports = [{ name: "dns", protocol: "UDP" as const, port: 53 }];
  return [
    node(),
    service({ name: "dns", clusterIP: "10.96.0.10", ports }),
    slice({
      service: "dns",
      ports: [{ name: "dns", protocol: "UDP", port: 5353 }],
      endpoints: serving.map((ip) => endpoint(ip)),
    }),
  ];
}

async function prepare({ sh }: Kernel): Promise<void> {
  await sh(
    "ip link set lo up; for i in 0.1 0.2 0.3; do ip addr add 10.0.$i/32 dev lo; done; ip route add 10.96.0.0/16 dev lo",
  );
}

async function send({ sh }: Kernel, sourcePort: number, to = "10.96.0.10", port = 53): Promise<void> {
  const script =
    `const s = require("dgram").createSocket("udp4"); s.on("error", () => {});` +
    `s.bind(${sourcePort}, () => s.send("x", ${port}, "${to}", () => setTimeout(() => s.close(), 20)))`;
  await sh(`'${process.execPath}' -e '${script}'`);
}

/** `source port → endpoint` of every UDP flow. */
async function flows({ sh }: Kernel): Promise<readonly string[]> {
  const listed = readConntrack(await sh("conntrack -L -p udp 2>/dev/null"));
  return listed.map(({ original, reply }) => `${original.src.port} → ${formatSocketAddr(reply.src)}`).toSorted();
}

const inKernel = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
  missing === undefined ? test(name, () => withKernel("nf_tables", body)) : test.skip(name, missing);

inKernel("a kernel forgets the flows of an endpoint that is gone, and no others", async (kernel) => {
  await prepare(kernel);
  await kernel.dataplane.apply(...programOf(...cluster("10.0.0.1")));
  await send(kernel, 4001);
  await send(kernel, 4002);
  await send(kernel, 4003, "10.0.0.3", 9999);
  const before = ["4001 → 10.0.0.1:5353", "4002 → 10.0.0.1:5353", "4003 → 10.0.0.3:9999"];
  assert.deepEqual(await flows(kernel), before);
  await kernel.dataplane.apply(...programOf(...cluster("10.0.0.1", "10.0.0.2")));
  assert.deepEqual(await flows(kernel), before);
  await kernel.dataplane.apply(...programOf(...cluster("10.0.0.2")));
  assert.deepEqual(await flows(kernel), ["4003 → 10.0.0.3:9999"]);
  await send(kernel, 4001);
  assert.deepEqual(await flows(kernel), ["4001 → 10.0.0.2:5353", "4003 → 10.0.0.3:9999"]);
});

inKernel("flows that began before there was a rule are decided anew", async (kernel) => {
  await prepare(kernel);
  // Without the reject of a service without endpoints, which would end the flow.
  await kernel.sh("iptables-nft -t nat -L >/dev/null; iptables-nft -A INPUT -m conntrack --ctstate NEW -j ACCEPT");
  await kernel.sh("ip route del 10.96.0.0/16 dev lo; ip addr add 10.96.0.10/32 dev lo");
  await send(kernel, 4001);
  assert.deepEqual(await flows(kernel), ["4001 → 10.96.0.10:53"]);
  await kernel.dataplane.apply(...programOf(...cluster("10.0.0.1")));
  assert.deepEqual(await flows(kernel), []);
});

inKernel(
  "a host without conntrack is told, and its rules are in force; they are cleared when it has it",
  async (kernel) => {
    await prepare(kernel);
    const { programmer, warnings } = noted(kernel, "nf_tables");
    await programmer.apply(...programOf(...cluster("10.0.0.1")));
    await send(kernel, 4001);
    await withoutCommands(["conntrack"], () => programmer.apply(...programOf(...cluster("10.0.0.2"))));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^stale UDP flows of IPv4 are not forgotten: .*conntrack/);
    assert.match(await kernel.dump(4), /--to-destination 10\.0\.0\.2:5353/);
    assert.equal((await flows(kernel)).length, 1);
    await programmer.apply(...programOf(...cluster("10.0.0.2")));
    assert.deepEqual(await flows(kernel), []);
  },
);
