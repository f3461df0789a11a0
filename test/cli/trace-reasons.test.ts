/** "Why not": for a cluster in every mode, and for the dumps of the same rules, without the cluster. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { trace, type TraceArguments } from "../../src/cli/trace.ts";
import type { PacketTraceJson } from "../../src/explain/packet-trace-json.ts";
import { inProject } from "../support/root.ts";
import { endpoint, node } from "./manifests.ts";
import { suite } from "../support/suite.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-reasons-"));
const test = suite("why a packet does not arrive");
test.after(() => rmSync(folder, { recursive: true }));

const common = {
  all: false,
  o: "json",
  mode: "iptables",
  scheduler: "rr",
  masqueradeAll: false,
} as const satisfies Partial<TraceArguments>;

async function reasonsFor(from: string, to: string, given: Partial<TraceArguments>): Promise<string> {
  const { outcomes, reasons } = JSON.parse(await trace({ ...common, from, to, ...given })) as PacketTraceJson;
  return `${outcomes.map(({ verdict }) => verdict).join()}: ${reasons.join("\n")}`;
}

const service = (name: string, ip: string, rest: object): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "d" },
  spec: { clusterIP: ip, ports: [{ name: "p", port: 80, protocol: "TCP" }], ...rest },
});
const balanced = (name: string, ip: string, external: string, rest: object): object => ({
  ...service(name, ip, { type: "LoadBalancer", ...rest }),
  status: { loadBalancer: { ingress: [{ ip: external }] } },
});
const cluster = join(folder, "cluster.json");
writeFileSync(
  cluster,
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      node("node-a", "192.168.10.5"),
      node("node-b", "192.168.10.6"),
      service("empty", "10.96.0.1", {}),
      balanced("outer", "10.96.0.2", "203.0.113.2", { externalTrafficPolicy: "Local", healthCheckNodePort: 31002 }),
      endpoint("outer", "10.244.2.2", "node-b"),
      service("inner", "10.96.0.3", { internalTrafficPolicy: "Local" }),
      endpoint("inner", "10.244.2.3", "node-b"),
      balanced("ranges", "10.96.0.4", "203.0.113.4", { loadBalancerSourceRanges: ["198.51.100.0/24"] }),
      endpoint("ranges", "10.244.1.4", "node-a"),
    ],
  }),
);
const ofCluster = (mode: TraceArguments["mode"]): Partial<TraceArguments> => ({
  mode,
  f: [cluster],
  hostnameOverride: "node-a",
  clusterCidr: ["10.244.0.0/16"],
});

const NO_ENDPOINTS = /(?:^|: )the service has no endpoints \(/;
const NOT_LOCAL = /: the traffic policy is Local, and no endpoint of the service is on this node \(/;
/** kube-proxy's IPVS sends it on all the same, for the sake of pods on the node. */
const LENT = /^forward: the traffic policy is Local, and no endpoint .*: it goes to another with its source kept/;
const OUTSIDE = /^drop: the client is outside the service's loadBalancerSourceRanges \(/;
const OTHER_PORT =
  /^(?:pass|reject): the address is a service's, the port is not: there is d\/ranges:p at 10\.96\.0\.4:80/;

for (const mode of ["iptables", "nftables", "ipvs"] as const) {
  test(`${mode}: no endpoints, none on this node, another client, another port, the client itself`, async () => {
    const why = (from: string, to: string): Promise<string> => reasonsFor(from, to, ofCluster(mode));
    assert.match(await why("10.244.1.9", "10.96.0.1:80"), NO_ENDPOINTS);
    assert.match(await why("10.244.1.9", "10.96.0.3:80"), NOT_LOCAL);
    assert.match(await why("8.8.8.8", "203.0.113.2:80"), mode === "ipvs" ? LENT : NOT_LOCAL);
    assert.match(await why("8.8.8.8", "203.0.113.4:80"), OUTSIDE);
    assert.match(
      await why("198.51.100.9", "203.0.113.4:80"),
      /^forward: the source (?:becomes the node's because|is rewritten)/,
    );
    assert.match(await why("10.244.1.9", "10.96.0.4:81"), OTHER_PORT);
    assert.match(
      await why("10.244.1.4", "10.96.0.4:80"),
      /may be sent to itself \(1\): the bridge must let it back out/,
    );
    assert.match(await why("10.244.1.9", "10.96.0.4:80"), /^forward: $/);
  });
}

test("userspace: no endpoints, another port, and a client that meets itself by way of the proxy", async () => {
  const why = (from: string, to: string): Promise<string> => reasonsFor(from, to, ofCluster("userspace"));
  assert.match(await why("10.244.1.9", "10.96.0.1:80"), /^drop: the service has no endpoints \(/);
  assert.match(await why("10.244.1.9", "10.96.0.4:81"), OTHER_PORT);
  // The proxy's connection is the node's own, so no bridge has to send anything back where it came from.
  assert.match(await why("10.244.1.4", "10.96.0.4:80"), /^forward: the source is rewritten$/);
});

const recorded = (scenario: string, file: string): string => {
  const path = inProject("test", "golden", "kube-proxy", scenario, "expected", file);
  if (!file.endsWith(".gz")) return path;
  const plain = join(folder, `${scenario}.json`);
  writeFileSync(plain, gunzipSync(readFileSync(path)));
  return plain;
};
const dumps = (scenario: string): readonly Partial<TraceArguments>[] => [
  { iptablesSave: recorded(scenario, "00-initial.iptables.iptables-save.txt") },
  { nftJson: recorded(scenario, "00-initial.nftables.nft.json.gz") },
];

test("dumps alone tell it too: a policy that is Local, and a port that the service does not have", async () => {
  for (const dump of dumps("103-itp-local-no-local")) {
    assert.match(await reasonsFor("10.244.1.9", "10.96.0.10:80", dump), NOT_LOCAL);
  }
  for (const dump of dumps("003-clusterip-tcp-3ep")) {
    const why = await reasonsFor("10.244.1.9", "10.96.0.10:81", dump);
    assert.match(why, /: the address is a service's, the port is not: there is (?:\S+|tcp) at 10\.96\.0\.10:80/);
    assert.match(await reasonsFor("10.244.1.9", "10.96.0.10:80", dump), /^forward,forward,forward: $/);
  }
});

/** As kube-proxy wrote it up to 1.24, whose marks the kubelet's chain drops. */
const marked = (chain: string, comment: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:${chain} - [0:0]
:KUBE-MARK-DROP - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A KUBE-SERVICES -d 203.0.113.4/32 -p tcp -m comment --comment "d/web:p loadbalancer IP" -m tcp --dport 80 -j ${chain}
-A ${chain} -m comment --comment "${comment}" -j KUBE-MARK-DROP
-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
COMMIT
*filter
:FORWARD ACCEPT [0:0]
:KUBE-FIREWALL - [0:0]
-A FORWARD -j KUBE-FIREWALL
-A KUBE-FIREWALL -m comment --comment "kubernetes firewall for dropping marked packets" -m mark --mark 0x8000/0x8000 -j DROP
COMMIT
`;

test("a packet that was marked to be dropped is explained by the rule that had it marked", async () => {
  const why = (text: string): Promise<string> => {
    const iptablesSave = join(folder, "old.txt");
    writeFileSync(iptablesSave, text);
    return reasonsFor("8.8.8.8", "203.0.113.4:80", { iptablesSave });
  };
  assert.match(await why(marked("KUBE-FW-AAAAAAAAAAAAAAAA", "d/web:p loadbalancer IP")), OUTSIDE);
  assert.match(await why(marked("KUBE-XLB-AAAAAAAAAAAAAAAA", "d/web:p has no local endpoints")), NOT_LOCAL);
});

test("a firewall of the host's own is no source range of a service", async () => {
  const iptablesSave = join(folder, "host.txt");
  const chain = "DOCKER-firewall";
  writeFileSync(
    iptablesSave,
    `*filter\n:FORWARD ACCEPT\n:${chain} -\n-A FORWARD -j ${chain}\n-A ${chain} -m comment --comment "host firewall" -j DROP\nCOMMIT\n`,
  );
  assert.match(
    await reasonsFor("8.8.8.8", "203.0.113.4:80", { iptablesSave }),
    /^drop: a rule drops it \(filter\/DOCKER-firewall/,
  );
});

test("a dump that is empty, or says that it leaves rules out, is no silence; a mark of byte order is no rule", async () => {
  const iptablesSave = join(folder, "partial.txt");
  const assumed = async (text: string): Promise<string> => {
    writeFileSync(iptablesSave, text);
    const args = { ...common, from: "8.8.8.8", to: "203.0.113.4:80", iptablesSave };
    const { outcomes, assumptions } = JSON.parse(await trace(args)) as PacketTraceJson;
    return `${outcomes[0]!.verdict}: ${assumptions.join("\n")}`;
  };
  const dropping = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
  const warning = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n";
  assert.match(
    await assumed(dropping + warning),
    /^drop: [^]*partial\.txt says: Warning: iptables-legacy tables present/,
  );
  assert.match(await assumed(""), /^pass: [^]*partial\.txt has no tables: no rule of iptables is known/);
  assert.doesNotMatch(await assumed(`\uFEFF${dropping}`), /says:|no tables/);
});

test("an empty dump of nftables or IPVS is no silence; tables of iptables that nft lists may lack targets", async () => {
  const assumed = async (given: Partial<TraceArguments>): Promise<string> => {
    const text = await trace({ ...common, from: "8.8.8.8", to: "203.0.113.4:80", ...given });
    return (JSON.parse(text) as PacketTraceJson).assumptions.join("\n");
  };
  const written = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  assert.match(
    await assumed({ nftJson: written("none.json", '{"nftables":[]}') }),
    /none\.json has no tables: no rule/,
  );
  assert.match(await assumed({ ipvs: written("none.txt", "") }), /none\.txt has no virtual servers/);
  const chain = { family: "ip", table: "nat", type: "nat", hook: "prerouting", prio: -100, policy: "accept" };
  const listing = (name: string): string =>
    JSON.stringify({ nftables: [{ table: { family: "ip", name: "nat" } }, { chain: { ...chain, name } }] });
  const left = /nft may have left out targets of the rules in ip nat, which are iptables' own/;
  const nftJson = written("own.json", listing("PREROUTING"));
  assert.match(await assumed({ nftJson }), left);
  assert.doesNotMatch(await assumed({ nftJson: written("other.json", listing("pre")) }), left);
  const iptablesSave = written("own.txt", "*nat\n:PREROUTING ACCEPT\nCOMMIT\n");
  assert.doesNotMatch(await assumed({ nftJson, iptablesSave }), left);
});
