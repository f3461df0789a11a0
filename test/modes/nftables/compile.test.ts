/** What single fields of a cluster and options do to the ruleset, where recordings do not show it alone. */
import assert from "node:assert/strict";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { compileNftables } from "../../../src/modes/nftables/compile.ts";
import { type NftablesOptions, resolveNftablesOptions } from "../../../src/modes/nftables/options.ts";
import { listNftables } from "../../../src/modes/nftables/render-listing.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";
import { readListing } from "../../support/normalize-nft.ts";
import { endpoint, node, service, serviceCidr, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";

const test = suite("nftables mode, field by field");

/** The blocks of the IPv4 table that are not there, or otherwise, without these objects. */
function addedBy(
  objects: readonly ClusterObject[],
  options: NftablesOptions = {},
): Readonly<Record<string, readonly string[]>> {
  const [plain, all] = [objects.filter(({ kind }) => kind === "Node"), objects].map((some) => blocksOf(some, options));
  return Object.fromEntries(
    [...all!].filter(([title, body]) => plain!.get(title) !== body).map(([title, body]) => [title, linesOf(body)]),
  );
}

function blocksOf(objects: readonly ClusterObject[], options: NftablesOptions): ReadonlyMap<string, string> {
  const ruleset = compileNftables(seen(objects), resolveNftablesOptions(options));
  return readListing(listNftables(ruleset)).get("ip kube-proxy")!;
}

function linesOf(body: string): readonly string[] {
  return body
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !/^(type|comment) /.test(line));
}

const local = { nodeName: "node-a" };
const hash = "SUSTUHLJ-default/web/tcp/http";

test("a service with a local and a remote endpoint: one map to both, one hairpin", () => {
  const objects = [service(), slice({ endpoints: [endpoint("10.244.1.10", local), "10.244.2.10"] })];
  assert.deepEqual(addedBy(objects), {
    "set hairpin-connections": ["elements = { 10.244.1.10 . 10.244.1.10 . tcp . 8080 }"],
    "set cluster-ips": ["elements = { 10.96.0.10 }"],
    "map service-ips": [`elements = { 10.96.0.10 . tcp . 80 : goto service-${hash} }`],
    [`chain service-${hash}`]: [
      "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.10 . 8080, 1 : 10.244.2.10 . 8080 }",
    ],
  });
});

test("two ports of a service, and two services of an endpoint, have one cluster IP and one hairpin", () => {
  const ports = [
    { name: "http", protocol: "TCP", port: 80 },
    { name: "more", protocol: "TCP", port: 81 },
  ] as const;
  const slicePorts = ports.map(({ name }) => ({ name, protocol: "TCP", port: 8080 }) as const);
  const added = addedBy([
    service({ ports }),
    slice({ ports: slicePorts, endpoints: [endpoint("10.244.1.10", local)] }),
    service({ name: "api", clusterIP: "10.96.0.20" }),
    slice({ service: "api", endpoints: [endpoint("10.244.1.10", local)] }),
  ]);
  assert.deepEqual(added["set cluster-ips"], ["elements = { 10.96.0.10, 10.96.0.20 }"]);
  assert.deepEqual(added["set hairpin-connections"], ["elements = { 10.244.1.10 . 10.244.1.10 . tcp . 8080 }"]);
});

test("of two services that claim one node port the first in order of name has it", () => {
  const ports = [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }] as const;
  const both = ["b", "a"].flatMap((name, i) => [
    service({ name, type: "NodePort", clusterIP: `10.96.0.${i + 1}`, ports }),
    slice({ service: name, endpoints: ["10.244.1.10"] }),
  ]);
  const [elements] = addedBy(both)["map service-nodeports"]!;
  assert.match(elements!, /^elements = \{ tcp \. 30080 : goto external-\w{8}-default\/a\/tcp\/http \}$/);
});

test("policy Local without local endpoints drops what comes from outside, and lets the node in by all endpoints", () => {
  const added = addedBy([
    service({
      type: "NodePort",
      externalTrafficPolicy: "Local",
      ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080 }],
    }),
    slice({ endpoints: ["10.244.2.10"] }),
  ]);
  assert.deepEqual(added["map service-nodeports"], [`elements = { tcp . 30080 : goto external-${hash} }`]);
  assert.deepEqual(added["map no-endpoint-nodeports"], [
    'elements = { tcp . 30080 comment "default/web:http" : drop }',
  ]);
  assert.deepEqual(added[`chain external-${hash}`], [
    'fib saddr type local meta mark set meta mark | 0x00004000 comment "masquerade local traffic"',
    `fib saddr type local goto service-${hash} comment "short-circuit local traffic"`,
  ]);
});

test("source ranges are there without endpoints too, merged, with the address of the load balancer that the node has", () => {
  const added = addedBy([
    node(),
    service({
      type: "LoadBalancer",
      ingress: [{ ip: "203.0.113.10" }, { ip: "203.0.113.11" }],
      loadBalancerSourceRanges: ["192.168.10.128/25", "192.168.10.0/25", "fd00::/8"],
    }),
  ]);
  assert.deepEqual(added[`chain firewall-${hash}`], ["ip saddr != { 192.168.10.0/24, 203.0.113.10/31 } drop"]);
  const reject = 'tcp . 80 comment "default/web:http" : goto reject-chain';
  assert.deepEqual(added["map no-endpoint-services"], [
    `elements = { 10.96.0.10 . ${reject}, 203.0.113.10 . ${reject}, 203.0.113.11 . ${reject} }`,
  ]);
  assert.equal(added["map service-ips"], undefined);
  assert.ok(added["map firewall-ips"]![0]!.includes(`203.0.113.11 . tcp . 80 : goto firewall-${hash}`));
});

test("with affinity each endpoint that any policy reaches has a set with its time-out and a chain", () => {
  const added = addedBy([
    service({ sessionAffinity: "ClientIP", affinityTimeoutSeconds: 90 }),
    slice({ endpoints: ["10.244.2.10"] }),
  ]);
  const name = "ZRQGOVRH-default/web/tcp/http__10.244.2.10/8080";
  assert.deepEqual(added[`set affinity-${name}`], ["size 65535", "flags dynamic,timeout", "timeout 1m30s"]);
  assert.deepEqual(added[`chain endpoint-${name}`], [
    `update @affinity-${name} { ip saddr }`,
    "meta l4proto tcp dnat to 10.244.2.10:8080",
  ]);
  assert.deepEqual(added[`chain service-${hash}`], [
    `ip saddr @affinity-${name} goto endpoint-${name}`,
    `numgen random mod 1 vmap { 0 : goto endpoint-${name} }`,
  ]);
});

test("a name that is too long for a comment stands whole: nft is to refuse it, as it does kube-proxy 1.36's", () => {
  const names = { namespace: "n".repeat(63), name: "s".repeat(63) };
  const long = service({ ...names, ports: [{ name: "p".repeat(15), port: 80 }] });
  const [elements] = addedBy([long])["map no-endpoint-services"]!;
  assert.equal(/comment "([^"]*)"/.exec(elements!)![1], `${names.namespace}/${names.name}:${"p".repeat(15)}`);
});

/** The rules of one chain under these options, without a service. */
const rulesOf = (chain: string, options: NftablesOptions, ...objects: readonly ClusterObject[]): readonly string[] =>
  linesOf(blocksOf([node(), ...objects], options).get(`chain ${chain}`)!).filter((line) => !line.startsWith("chain"));

test("who is masqueraded on the way to a cluster IP", () => {
  const first = (options: NftablesOptions): string | undefined => rulesOf("services", options)[0];
  const marked = "meta mark set meta mark | 0x00004000";
  const outside = 'comment "masquerade clusterIP traffic from outside cluster"';
  assert.equal(
    first({ masqueradeAll: true }),
    `ip daddr @cluster-ips ${marked} comment "masquerade all clusterIP traffic"`,
  );
  assert.equal(first({}), "ip daddr . meta l4proto . th dport vmap @service-ips");
  for (const [detectLocal, notLocal] of [
    [{ by: "cluster-cidr", ranges: ["fd00::/8", "10.0.0.0/8", "11.0.0.0/8"] }, "ip saddr != 10.0.0.0/8"],
    [{ by: "cluster-cidr", ranges: ["10.244.0.1/32"] }, "ip saddr != 10.244.0.1"],
    [{ by: "node-cidr" }, "ip saddr != 10.244.1.0/24"],
    [{ by: "bridge-interface", name: "cni0" }, 'iifname != "cni0"'],
    [{ by: "interface-prefix", prefix: "veth" }, 'iifname != "veth*"'],
  ] as const) {
    assert.equal(first({ detectLocal }), `ip daddr @cluster-ips ${notLocal} ${marked} ${outside}`);
  }
  assert.equal(first({ detectLocal: { by: "cluster-cidr", ranges: ["fd00::/8"] } }), first({}));
});

test("where node ports answer", () => {
  const last = (options: NftablesOptions): string | undefined => rulesOf("services", options).at(-1);
  const vmap = "meta l4proto . th dport vmap @service-nodeports";
  assert.equal(last({}), `ip daddr @nodeport-ips ${vmap}`);
  assert.equal(last({ nodePortAddresses: ["0.0.0.0/0"] }), `fib daddr type local ip daddr != 127.0.0.0/8 ${vmap}`);
  const set = (options: NftablesOptions) => blocksOf([node()], options).get("set nodeport-ips");
  assert.ok(set({})!.includes("192.168.10.5"));
  // Loopback addresses never answer; then none does.
  assert.ok(!set({ nodePortAddresses: ["127.0.0.0/8"] })!.includes("elements"));
  assert.equal(set({ nodePortAddresses: ["fd00::/8"] }), undefined);
});

test("the ranges of all ServiceCIDRs are closed but for what is in use", () => {
  const closed = (...cidrs: readonly string[]) => rulesOf("cluster-ips-check", {}, serviceCidr(cidrs))[1];
  const why = 'comment "Drop traffic to unallocated ClusterIPs"';
  assert.equal(closed("10.96.0.0/16"), `ip daddr 10.96.0.0/16 drop ${why}`);
  assert.equal(
    closed("10.98.0.0/16", "10.96.0.0/16", "fd00::/108"),
    `ip daddr { 10.96.0.0/16, 10.98.0.0/16 } drop ${why}`,
  );
  assert.equal(closed("10.96.0.0/16", "10.97.0.0/16"), `ip daddr { 10.96.0.0/15 } drop ${why}`);
  assert.equal(closed(), undefined);
});

test("the highest bit of the mark is a prefix to nft", () => {
  const [first] = rulesOf("masquerading", { masqueradeBit: 31 });
  assert.equal(first, "meta mark != 0x00000000/1 meta mark set meta mark ^ 0x80000000 masquerade fully-random");
  assert.ok(rulesOf("masquerading", { masqueradeBit: 0 })[0]!.startsWith("meta mark & 0x00000001 != 0x00000000 "));
});

test("an address that no Node object has is loopback, and then node ports answer everywhere", () => {
  const model = seen([]);
  assert.equal(model.node.ip4, parseIp("127.0.0.1"));
  assert.equal(blocksOf([], {}).get("set nodeport-ips"), undefined);
});
