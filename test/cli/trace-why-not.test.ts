/** "Why not", of pasted dumps alone: every cause for every kind of dump. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { compileFrom } from "../../src/cli/cluster-input.ts";
import { trace, type TraceArguments } from "../../src/cli/trace.ts";
import type { PacketTraceJson } from "../../src/explain/packet-trace-json.ts";
import { renderProgram } from "../../src/modes/render.ts";
import { inProject } from "../support/root.ts";
import { endpoint, node } from "./manifests.ts";
import { suite } from "../support/suite.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-why-not-"));
const test = suite("why not, of dumps");
test.after(() => rmSync(folder, { recursive: true }));

type Given = Partial<TraceArguments>;
const common = { all: false, o: "json", mode: "iptables", scheduler: "rr", masqueradeAll: false } as const;

async function why(from: string, to: string, given: Given): Promise<string> {
  const { outcomes, reasons } = JSON.parse(await trace({ ...common, from, to, ...given })) as PacketTraceJson;
  return `${[...new Set(outcomes.map(({ verdict }) => verdict))].join()}: ${reasons.join("\n")}`;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const ipAddr = file(
  "addr.json",
  JSON.stringify([{ ifname: "eth0", addr_info: [{ family: "inet", local: "192.168.10.5", prefixlen: 24 }] }]),
);

const NO_ENDPOINTS = /^reject: the service has no endpoints \(/;
const NOT_LOCAL = /^drop: the traffic policy is Local, and no endpoint of the service is on this node \(/;
const OUTSIDE = /^drop: the client is outside the service's loadBalancerSourceRanges \(/;
const OTHER_PORT = /^(?:pass|reject|local): the address is a service's, the port is not: there is (?:\S+|tcp) at /;
const TURNED_ROUND = /may be sent to itself \(1(?:\/\d)?\): the bridge must let it back out by the port/;

const recorded = (scenario: string, kind: "iptables" | "ip6tables" | "nftables"): Given => {
  const base = inProject("test", "golden", "kube-proxy", scenario, "expected");
  if (kind === "iptables") return { iptablesSave: join(base, "00-initial.iptables.iptables-save.txt") };
  if (kind === "ip6tables") return { ip6tablesSave: join(base, "00-initial.iptables.ip6tables-save.txt") };
  const packed = readFileSync(join(base, "00-initial.nftables.nft.json.gz"));
  return { nftJson: file(`${scenario}.json`, gunzipSync(packed).toString()) };
};

const POD = "10.244.1.9";
const STRANGER = "8.8.8.8";

/** Recorded of kube-proxy: which scenario, from where to where, and why not. */
const recordings: readonly (readonly [scenario: string, from: string, to: string, reason: RegExp])[] = [
  ["007-clusterip-tcp-0ep-no-slice", POD, "10.96.0.10:80", NO_ENDPOINTS],
  ["011-clusterip-udp-0ep", POD, "10.96.0.10:5000/udp", NO_ENDPOINTS],
  ["014-clusterip-sctp-0ep", POD, "10.96.0.10:5000/sctp", NO_ENDPOINTS],
  ["018-multiport-one-port-without-endpoints", POD, "10.96.0.10:443", NO_ENDPOINTS],
  ["046-affinity-no-endpoints", POD, "10.96.0.10:80", NO_ENDPOINTS],
  ["088-source-ranges-no-endpoints", POD, "10.96.0.10:80", NO_ENDPOINTS],
  ["092-external-ips-no-endpoints", STRANGER, "192.0.2.10:80", NO_ENDPOINTS],
  ["101-etp-local-nodeport-no-endpoints", STRANGER, "192.168.10.5:30080", NO_ENDPOINTS],
  ["078-lb-etp-local-no-local", STRANGER, "203.0.113.10:80", NOT_LOCAL],
  ["078-lb-etp-local-no-local", STRANGER, "192.168.10.5:30080", NOT_LOCAL],
  ["081-lb-etp-local-no-local-source-ranges", "198.51.100.7", "203.0.113.10:80", NOT_LOCAL],
  ["103-itp-local-no-local", POD, "10.96.0.10:80", NOT_LOCAL],
  ["108-both-local-no-local", POD, "10.96.0.10:80", NOT_LOCAL],
  ["108-both-local-no-local", STRANGER, "192.168.10.5:30080", NOT_LOCAL],
  ["218-everything-etp-local-no-local", STRANGER, "192.0.2.10:80", NOT_LOCAL],
  ["080-lb-etp-local-source-ranges", STRANGER, "203.0.113.10:80", OUTSIDE],
  ["081-lb-etp-local-no-local-source-ranges", STRANGER, "203.0.113.10:80", OUTSIDE],
  ["082-source-ranges-one", STRANGER, "203.0.113.10:80", OUTSIDE],
  ["003-clusterip-tcp-3ep", POD, "10.96.0.10:81", OTHER_PORT],
  ["003-clusterip-tcp-3ep", POD, "10.96.0.10:80/udp", OTHER_PORT],
  ["007-clusterip-tcp-0ep-no-slice", POD, "10.96.0.10:81", OTHER_PORT],
  ["003-clusterip-tcp-3ep", "10.244.1.10", "10.96.0.10:80", TURNED_ROUND],
  ["001-clusterip-tcp-1ep", "10.244.1.10", "10.96.0.10:80", TURNED_ROUND],
];

for (const kind of ["iptables", "nftables"] as const) {
  test(`${kind}: ${recordings.length} packets through recorded dumps are explained`, async () => {
    for (const [scenario, from, to, reason] of recordings) {
      assert.match(await why(from, to, { ...recorded(scenario, kind), ipAddr }), reason, `${scenario} ${from} ${to}`);
    }
  });
}

test("IPv6 is explained in the same words", async () => {
  for (const kind of ["ip6tables", "nftables"] as const) {
    const ranges = recorded("129-ipv6-only-lb-source-ranges", kind);
    assert.match(await why("2001:db8:ffff::1", "[2001:db8:1::10]:80", ranges), OUTSIDE);
    const plain = recorded("127-ipv6-only-clusterip", kind);
    assert.match(await why("fd00:10:244:1::9", "[fd00:10:96::10]:81", plain), OTHER_PORT);
  }
});

test("a node port at an address that nobody said is the node's: what to give is said", async () => {
  const dump = recorded("047-nodeport-basic", "iptables");
  assert.equal(
    await why(STRANGER, "192.168.10.5:30080", dump),
    "pass: port 30080 is a node port of default/web:http, " +
      "and nothing says that 192.168.10.5 is an address of this node (ip -j addr does)",
  );
  assert.match(await why(STRANGER, "192.168.10.5:30080", { ...dump, ipAddr }), /^forward: the source becomes/);
  // Of other protocols and ports it says nothing.
  assert.equal(await why(STRANGER, "192.168.10.5:30080/udp", dump), "pass: ");
  // In nftables only the node's own address answers, though it may have others.
  const second = file(
    "two.json",
    JSON.stringify([{ ifname: "eth1", addr_info: [{ family: "inet", local: "172.31.0.5", prefixlen: 24 }] }]),
  );
  assert.equal(
    await why(STRANGER, "172.31.0.5:30080", { ...recorded("047-nodeport-basic", "nftables"), ipAddr: second }),
    "local: port 30080 is a node port of a service, and no rule answers node ports at this address of the node",
  );
});

/**
 * kube-proxy's rules as they were up to 1.24, where marks were dropped by the kubelet's chain: source ranges in
 * KUBE-FW-…, a policy of Local in KUBE-XLB-…, and no external chain but KUBE-EXTERNAL-SERVICES.
 */
const old = `*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-FW-RANGES0000000000 - [0:0]
:KUBE-MARK-DROP - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-RANGES000000000 - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-RANGES000000000 - [0:0]
:KUBE-XLB-LOCAL0000000000 - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-FW-RANGES0000000000 -m comment --comment "d/ranges:p loadbalancer IP" -j KUBE-MARK-MASQ
-A KUBE-FW-RANGES0000000000 -s 198.51.100.0/24 -m comment --comment "d/ranges:p loadbalancer IP" -j KUBE-SVC-RANGES000000000
-A KUBE-FW-RANGES0000000000 -m comment --comment "d/ranges:p loadbalancer IP" -j KUBE-MARK-DROP
-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-NODEPORTS -s 127.0.0.0/8 -p tcp -m comment --comment "d/local:p" -m tcp --dport 30082 -j KUBE-MARK-MASQ
-A KUBE-NODEPORTS -p tcp -m comment --comment "d/local:p" -m tcp --dport 30082 -j KUBE-XLB-LOCAL0000000000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -m mark --mark 0x4000/0x4000 -j MASQUERADE
-A KUBE-SEP-RANGES000000000 -s 10.244.1.4/32 -m comment --comment "d/ranges:p" -j KUBE-MARK-MASQ
-A KUBE-SEP-RANGES000000000 -p tcp -m comment --comment "d/ranges:p" -m tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SERVICES ! -s 10.244.0.0/16 -d 10.96.0.4/32 -p tcp -m comment --comment "d/ranges:p cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SERVICES -d 10.96.0.4/32 -p tcp -m comment --comment "d/ranges:p cluster IP" -m tcp --dport 80 -j KUBE-SVC-RANGES000000000
-A KUBE-SERVICES -d 203.0.113.4/32 -p tcp -m comment --comment "d/ranges:p loadbalancer IP" -m tcp --dport 80 -j KUBE-FW-RANGES0000000000
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-SVC-RANGES000000000 -m comment --comment "d/ranges:p" -j KUBE-SEP-RANGES000000000
-A KUBE-XLB-LOCAL0000000000 -s 10.244.0.0/16 -m comment --comment "Redirect pods trying to reach external loadbalancer VIP to clusterIP" -j KUBE-SVC-RANGES000000000
-A KUBE-XLB-LOCAL0000000000 -m comment --comment "d/local:p has no local endpoints" -j KUBE-MARK-DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "d/empty:p has no endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30081 -j REJECT --reject-with icmp-port-unreachable
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "d/empty:p has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`;

test("iptables of old: each cause, by the rules that kube-proxy wrote up to 1.24", async () => {
  const iptablesSave = file("old.txt", old);
  // The kubelet's chain stands at INPUT and OUTPUT: what is only forwarded keeps its mark, so it must be local here.
  const balanced = file(
    "balanced.json",
    JSON.stringify([
      {
        ifname: "eth0",
        addr_info: ["192.168.10.5", "203.0.113.4"].map((local) => ({ family: "inet", local, prefixlen: 24 })),
      },
    ]),
  );
  const given = { iptablesSave, ipAddr: balanced };
  assert.match(await why(POD, "10.96.0.1:80", given), NO_ENDPOINTS);
  assert.match(await why(STRANGER, "192.168.10.5:30081", given), NO_ENDPOINTS);
  assert.match(await why(STRANGER, "192.168.10.5:30082", given), NOT_LOCAL);
  assert.match(await why(STRANGER, "203.0.113.4:80", given), OUTSIDE);
  assert.match(await why(POD, "10.96.0.4:81", given), OTHER_PORT);
  assert.match(await why("10.244.1.4", "10.96.0.4:80", given), TURNED_ROUND);
  const bare = file("bare.txt", old.replaceAll(/^-A KUBE-(?:SEP|POSTROUTING).*(?:MASQ|MASQUERADE)\n/gm, ""));
  assert.match(
    await why("10.244.1.4", "10.96.0.4:80", { iptablesSave: bare }),
    /may be sent to itself \(1\): its own address stays the source, so the answer never comes back/,
  );
});

const service = (name: string, ip: string, port: number, rest: object, external = ""): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "d" },
  spec: { clusterIP: ip, ports: [{ name: "p", port, protocol: "TCP" }], ...rest },
  ...(external === "" ? {} : { status: { loadBalancer: { ingress: [{ ip: external }] } } }),
});
const balanced = { type: "LoadBalancer" };
const items = [
  node("node-a", "192.168.10.5"),
  node("node-b", "192.168.10.6"),
  // Alone at its port: what its cluster IP lacks its balanced address tells.
  service("empty", "10.96.0.1", 81, balanced, "203.0.113.1"),
  service("outer", "10.96.0.2", 82, { ...balanced, externalTrafficPolicy: "Local" }, "203.0.113.2"),
  endpoint("outer", "10.244.2.2", "node-b"),
  service("inner", "10.96.0.3", 83, { ...balanced, internalTrafficPolicy: "Local" }, "203.0.113.3"),
  endpoint("inner", "10.244.2.3", "node-b"),
  service("ranges", "10.96.0.4", 84, { ...balanced, loadBalancerSourceRanges: ["198.51.100.0/24"] }, "203.0.113.4"),
  endpoint("ranges", "10.244.1.4", "node-a"),
  service("both", "10.96.0.5", 85, { internalTrafficPolicy: "Local" }),
  endpoint("both", "10.244.2.5", "node-b"),
  // Two services with one port: which of them an address of that port is of, nobody can tell.
  service("twin-a", "10.96.0.6", 86, { ...balanced, externalTrafficPolicy: "Local" }, "203.0.113.6"),
  service("twin-b", "10.96.0.7", 86, {}),
  endpoint("twin-b", "10.244.1.7", "node-a"),
];
const cluster = file("cluster.json", JSON.stringify({ apiVersion: "v1", kind: "List", items }));
const EITHER =
  /^reject: the virtual server has no server: the service has no endpoints, or a traffic policy of Local and none on this node, and nothing that was given tells which \(/;
const IPVS_NOT_LOCAL = /^reject: the traffic policy is Local, and no endpoint of the service is on this node \(/;

const LENT = /^forward: the traffic policy is Local, and no endpoint .*: it goes to another with its source kept/;

function withoutServers(path: string, place: string): string {
  const lines = readFileSync(path, "utf8").split("\n");
  return file("without.txt", lines.filter((line) => !line.startsWith(`-a -t ${place} `)).join("\n"));
}

/** What ipvsadm, ipset and iptables-save would print of the cluster. */
async function ipvsDumps(): Promise<Given> {
  const args = { ...common, mode: "ipvs", f: [cluster], hostnameOverride: "node-a" } as const;
  const { program } = await compileFrom({ ...args, clusterCidr: ["10.244.0.0/16"] });
  const texts = renderProgram(program, "save").filter(({ family }) => family === 4);
  const textOf = (command: string): string => texts.find(({ command: [name] }) => name === command)!.text;
  return {
    ipvs: file("ipvs.txt", textOf("ipvsadm")),
    ipset: file("ipset.txt", textOf("ipset")),
    iptablesSave: file("around.txt", textOf("iptables-save")),
  };
}

test("IPVS with its sets: no endpoints and a policy of Local are told apart where the sets can", async () => {
  const dumps = await ipvsDumps();
  // Of a balanced address the sets tell the policy: Cluster, so there are none.
  assert.match(await why(STRANGER, "203.0.113.1:81", dumps), NO_ENDPOINTS);
  // Of a cluster IP they do not: its balanced address has no servers either, and its policy is Cluster.
  assert.match(await why(POD, "10.96.0.1:81", dumps), NO_ENDPOINTS);
  // The policy is Local: endpoints of other nodes stand in, and answer a stranger past this node.
  assert.match(await why(STRANGER, "203.0.113.2:82", dumps), LENT);
  assert.match(
    await why("192.168.10.5", "203.0.113.2:82", { ...dumps, ipAddr }),
    /^forward: the source becomes the node's|^forward: $/,
  );
  // So it was up to 1.20, without that: the cluster IP has servers, so there are endpoints elsewhere.
  const strict = { ...dumps, ipvs: withoutServers(dumps.ipvs!, "203.0.113.2:82") };
  assert.match(await why(STRANGER, "203.0.113.2:82", strict), IPVS_NOT_LOCAL);
  // The balanced address has servers, and the cluster IP none.
  const inner = { ...dumps, ipvs: withoutServers(dumps.ipvs!, "10.96.0.3:83") };
  assert.match(await why(POD, "10.96.0.3:83", inner), IPVS_NOT_LOCAL);
  // A cluster IP alone.
  assert.match(await why(POD, "10.96.0.5:85", dumps), EITHER);
  // Its cluster IP might be one that has servers, or one that has none.
  assert.match(await why(STRANGER, "203.0.113.6:86", dumps), EITHER);
});

test("IPVS: with the cluster's files it is told for certain", async () => {
  const given = { ...(await ipvsDumps()), f: [cluster], hostnameOverride: "node-a" };
  assert.match(await why(POD, "10.96.0.5:85", given), IPVS_NOT_LOCAL);
  assert.match(await why(STRANGER, "203.0.113.6:86", given), NO_ENDPOINTS);
});

test("IPVS: without sets both are possible, and that is what is said; servers that drain are another cause", async () => {
  const { ipvs } = await ipvsDumps();
  assert.match(await why(STRANGER, "203.0.113.1:81", { ipvs }), EITHER);
  assert.match(await why(STRANGER, "203.0.113.2:82", { ipvs: withoutServers(ipvs!, "203.0.113.2:82") }), EITHER);
  // A set of Local addresses that was left out of the dump may hold the address.
  const partial = file(
    "partial.txt",
    "create KUBE-LOAD-BALANCER hash:ip,port family inet\nadd KUBE-LOAD-BALANCER 203.0.113.1,tcp:81\n",
  );
  assert.match(await why(STRANGER, "203.0.113.1:81", { ipvs, ipset: partial }), EITHER);
  const draining = file(
    "draining.txt",
    "-A -t 10.96.0.9:80 -s rr\n-a -t 10.96.0.9:80 -r 10.244.1.9:8080 -m -w 0\n-A -f 7 -s rr\n",
  );
  assert.match(
    await why(POD, "10.96.0.9:80", { ipvs: draining }),
    /^reject: each server of the virtual server is being drained \(weight 0\) or full \(/,
  );
});

test("IPVS: source ranges, another port, and a client that meets itself", async () => {
  const dumps = await ipvsDumps();
  assert.match(await why(STRANGER, "203.0.113.4:84", dumps), OUTSIDE);
  assert.match(await why("198.51.100.9", "203.0.113.4:84", dumps), /^forward: the source becomes the node's/);
  assert.match(await why(POD, "10.96.0.4:80", dumps), OTHER_PORT);
  // Without the rules around it the packet is the node's own, and nothing listens there.
  const { ipvs } = dumps;
  assert.match(await why(POD, "10.96.0.4:80", { ipvs }), /^local: the address is a service's, the port is not/);
  assert.match(await why("10.244.1.4", "10.96.0.4:84", dumps), TURNED_ROUND);
  assert.match(
    await why("10.244.1.4", "10.96.0.4:84", { ipvs }),
    /its own address stays the source, so the answer never comes back through the node/,
  );
});

/** Up to 1.25 source ranges of IPVS were a chain of the nat table that marked what was to be dropped. */
const oldIpvsRules = `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-LOAD-BALANCER - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-MARK-DROP - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -m comment --comment "Kubernetes service lb portal" -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER
-A KUBE-LOAD-BALANCER -m comment --comment "Kubernetes service load balancer ip + port for load balancer with sourceRange" -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-FIREWALL
-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
-A KUBE-FIREWALL -m comment --comment "Kubernetes service load balancer ip + port + source cidr for packet filter purpose" -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN
-A KUBE-FIREWALL -j KUBE-MARK-DROP
-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
COMMIT
*filter
:INPUT ACCEPT [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP
COMMIT
`;

test("IPVS of old: source ranges that mark", async () => {
  const { ipvs, ipset } = await ipvsDumps();
  const given = { ipvs, ipset, iptablesSave: file("old-ipvs.txt", oldIpvsRules) };
  assert.match(await why(STRANGER, "203.0.113.4:84", given), OUTSIDE);
  assert.match(await why(STRANGER, "203.0.113.1:81", given), NO_ENDPOINTS);
  assert.match(await why("198.51.100.9", "203.0.113.4:84", given), /^forward: /);
});

test("the userspace mode's dumps name the ports that a service has", async () => {
  const iptablesSave = file(
    "userspace.txt",
    `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-NODEPORT-CONTAINER - [0:0]
:KUBE-PORTALS-CONTAINER - [0:0]
-A PREROUTING -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-CONTAINER
-A PREROUTING -m addrtype --dst-type LOCAL -j KUBE-NODEPORT-CONTAINER
-A KUBE-NODEPORT-CONTAINER -p tcp -m comment --comment "d/web:p" -m tcp --dport 30080 -j REDIRECT --to-ports 38001
-A KUBE-PORTALS-CONTAINER -d 10.96.0.4/32 -p tcp -m comment --comment "d/web:p" -m tcp --dport 80 -j REDIRECT --to-ports 38001
COMMIT
`,
  );
  assert.match(await why(POD, "10.96.0.4:81", { iptablesSave }), /there is d\/web:p at 10\.96\.0\.4:80$/);
  assert.match(
    await why(POD, "192.168.10.5:30080", { iptablesSave }),
    /port 30080 is a node port of d\/web:p, and noth/,
  );
});
