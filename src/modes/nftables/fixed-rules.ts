import { parseCidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import type { RuleContext } from "./context.ts";
import { addChain, addElement, addSet, append, type TableDraft } from "./draft.ts";
import {
  address,
  changeMark,
  destination,
  fromAndTo,
  isNew,
  mark,
  markWith,
  match,
  range,
  reference,
  reject,
  rule,
  toLocal,
  toPort,
  toService,
  vmap,
} from "./expressions.ts";
import { anyOf } from "./ranges.ts";
import type { Expression, Hook, Statement } from "./ruleset.ts";

type Base = readonly [name: string, type: "filter" | "nat", hook: string, priority: number];

/** Source ranges are checked before the destination is rewritten, what has no endpoints after. */
const baseChains: readonly Base[] = [
  ["filter-prerouting-pre-dnat", "filter", "prerouting", -110],
  ["filter-output-pre-dnat", "filter", "output", -110],
  ["filter-input", "filter", "input", 0],
  ["filter-forward", "filter", "forward", 0],
  ["filter-output", "filter", "output", 0],
  ["nat-prerouting", "nat", "prerouting", -100],
  ["nat-output", "nat", "output", -100],
  ["nat-postrouting", "nat", "postrouting", 100],
];

type Jump = readonly [to: string, from: string, matches: readonly Statement[]];

const jumps: readonly Jump[] = [
  ["nodeport-endpoints-check", "filter-input", [isNew]],
  ["service-endpoints-check", "filter-input", [isNew]],
  ["service-endpoints-check", "filter-forward", [isNew]],
  ["service-endpoints-check", "filter-output", [isNew]],
  ["firewall-check", "filter-prerouting-pre-dnat", [isNew]],
  ["firewall-check", "filter-output-pre-dnat", [isNew]],
  ["services", "nat-output", []],
  ["services", "nat-prerouting", []],
  ["masquerading", "nat-postrouting", []],
  ["cluster-ips-check", "filter-forward", [isNew]],
  ["cluster-ips-check", "filter-output", [isNew]],
];

const addressType: { readonly [F in Family]: string } = { 4: "ipv4_addr", 6: "ipv6_addr" };
const portTypes = ["inet_proto", "inet_service"] as const;
const loopback: { readonly [F in Family]: Expression } = {
  4: range(parseCidr("127.0.0.0/8")),
  6: address({ w0: 0, w1: 0, w2: 0, w3: 1 }),
};
const unique: Statement = { kind: "masquerade", flags: ["fully-random"] };

/** The chains, sets and maps that every table has, with their rules. */
export function addFixedRules(table: TableDraft, context: RuleContext): void {
  for (const [name, type, hook, priority] of baseChains) {
    const base: Hook = { type, hook, priority, policy: "accept" };
    addChain(table, name, { base });
  }
  for (const [to, from, matches] of jumps) {
    addChain(table, to);
    append(table, from, rule([...matches, { kind: "jump", chain: to }]));
  }
  addMasquerading(table, context);
  addClusterIps(table, context);
  addNodePortIps(table, context);
  addEndpointChecks(table, context);
  addFirewall(table, context);
  addServices(table, context);
}

function addMasquerading(table: TableDraft, { family, mark: bit }: RuleContext): void {
  const type = addressType[family];
  addSet(table, {
    name: "hairpin-connections",
    key: [type, type, ...portTypes],
    flags: [],
    comment: "service hairpin connections",
  });
  // Taken off again, or a packet that comes by once more would be masqueraded once more.
  append(table, "masquerading", rule([isMarked(bit), changeMark("^", bit), unique]));
  const rewritten = match({ kind: "ct", key: "status" }, "in", { kind: "text", text: "dnat" });
  // An endpoint that reaches itself would answer itself directly, and drop the answer.
  const hairpin = match(fromAndTo[family], "==", reference("hairpin-connections"));
  append(table, "masquerading", rule([rewritten, hairpin, unique]));
}

/** nft takes a mask of leading ones for a prefix. */
function isMarked(bit: number): Statement {
  if (bit === 0x8000_0000) return match(mark, "!=", { kind: "prefix", value: 0, bits: 1 });
  const masked: Expression = { kind: "binary", operator: "&", operands: [mark, { kind: "number", value: bit }] };
  return match(masked, "!=", { kind: "number", value: 0 });
}

function addClusterIps(table: TableDraft, { family, serviceCidrs }: RuleContext): void {
  addSet(table, { name: "cluster-ips", key: [addressType[family]], flags: [], comment: "Active ClusterIPs" });
  // Ports that a Service has were rewritten by now, and are no cluster IPs any more.
  const toClusterIp = match(destination[family], "==", reference("cluster-ips"));
  const invalidPort = rule([toClusterIp, reject(family)], "Reject traffic to invalid ports of ClusterIPs");
  append(table, "cluster-ips-check", invalidPort);
  if (serviceCidrs.length === 0) return;
  const unallocated = match(destination[family], "==", anyOf(serviceCidrs));
  append(table, "cluster-ips-check", rule([unallocated, { kind: "drop" }], "Drop traffic to unallocated ClusterIPs"));
}

function addNodePortIps(table: TableDraft, { family, nodePortIps }: RuleContext): void {
  if (nodePortIps === undefined) return;
  const name = "nodeport-ips";
  addSet(table, { name, key: [addressType[family]], flags: [], comment: "IPs that accept NodePort traffic" });
  for (const ip of nodePortIps) addElement(table, name, { key: address(ip) });
}

function addEndpointChecks(table: TableDraft, context: RuleContext): void {
  const { family } = context;
  addServiceMap(table, family, "no-endpoint-services", "vmap to drop or reject packets to services with no endpoints");
  addPortMap(table, "no-endpoint-nodeports", "vmap to drop or reject packets to service nodeports with no endpoints");
  addChain(table, "reject-chain", { comment: "helper for @no-endpoint-services / @no-endpoint-nodeports" });
  append(table, "reject-chain", rule([reject(family)]));
  append(table, "service-endpoints-check", rule([vmap(toService[family], "no-endpoint-services")]));
  const onNode = toNodePortIps(context);
  append(table, "nodeport-endpoints-check", rule([onNode, vmap(toPort, "no-endpoint-nodeports")]));
}

function addFirewall(table: TableDraft, { family }: RuleContext): void {
  addServiceMap(table, family, "firewall-ips", "destinations that are subject to LoadBalancerSourceRanges");
  append(table, "firewall-check", rule([vmap(toService[family], "firewall-ips")]));
}

function addServices(table: TableDraft, context: RuleContext): void {
  const { family, nodePortIps } = context;
  addServiceMap(table, family, "service-ips", "ClusterIP, ExternalIP and LoadBalancer IP traffic");
  addPortMap(table, "service-nodeports", "NodePort traffic");
  addClusterIpMasquerade(table, context);
  append(table, "services", rule([vmap(toService[family], "service-ips")]));
  // Of all addresses only those of this node are meant; the set of node port IPs has none but those.
  const local = nodePortIps === undefined ? [toLocal] : [];
  append(table, "services", rule([...local, toNodePortIps(context), vmap(toPort, "service-nodeports")]));
}

/** A client that is no pod of ours is masqueraded, so that the endpoint's answer comes back through this node. */
function addClusterIpMasquerade(table: TableDraft, context: RuleContext): void {
  const { family, detector, masqueradeAll, mark: bit } = context;
  const toClusterIp = match(destination[family], "==", reference("cluster-ips"));
  if (masqueradeAll) {
    append(table, "services", rule([toClusterIp, markWith(bit)], "masquerade all clusterIP traffic"));
  } else if (detector !== undefined) {
    const why = "masquerade clusterIP traffic from outside cluster";
    append(table, "services", rule([toClusterIp, detector.notLocal, markWith(bit)], why));
  }
}

function toNodePortIps({ family, nodePortIps }: RuleContext): Statement {
  if (nodePortIps === undefined) return match(destination[family], "!=", loopback[family]);
  return match(destination[family], "==", reference("nodeport-ips"));
}

function addServiceMap(table: TableDraft, family: Family, name: string, comment: string): void {
  addSet(table, { name, key: [addressType[family], ...portTypes], data: ["verdict"], flags: [], comment });
}

function addPortMap(table: TableDraft, name: string, comment: string): void {
  addSet(table, { name, key: portTypes, data: ["verdict"], flags: [], comment });
}
