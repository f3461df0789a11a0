import { NO_SERVERS, NONE_TAKES } from "../dataplane/emulated/netfilter/virtual-servers.ts";
import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import { formatIp, sameIp } from "../net/ip.ts";
import { durationText } from "./duration-text.ts";
import type { Emptiness } from "./emptiness.ts";
import { endpointText } from "./gather.ts";
import type { Endpoint, PacketOutcome, PathStep } from "./packet-outcome.ts";
import { protocolText } from "./protocol-text.ts";
import type { PacketTrace } from "./trace-packet.ts";

/** What the cluster or the rules say about the packet's destination. */
export interface AskedService {
  /** By the cluster, where one was given. */
  readonly name: string | undefined;
  /** Ports that services have at that address, where none has the packet's. */
  readonly otherPorts: readonly string[];
  /** Whether it is an address of the node's own interfaces, where others than services listen. */
  readonly isNodes: boolean;
  /** The service whose node port the packet's port is; undefined: none. */
  nodePort(): string | undefined;
  /** Why the virtual server of that destination has no real servers. */
  emptiness(): Emptiness;
  /** Whether the traffic policy is Local there, and this endpoint on another node. */
  isElsewhere(to: Endpoint): boolean;
}

/** Why things are as they are, and not as somebody might expect, in sentences; empty: nothing is unusual. */
export function reasonsOf(trace: PacketTrace, asked: AskedService): readonly string[] {
  const { outcomes } = trace;
  return [
    ...otherPortReason(trace, asked),
    ...nodePortReason(trace, asked),
    ...staleReason(trace),
    ...new Set(outcomes.flatMap((outcome) => stopReason(outcome, asked))),
    ...new Set(outcomes.flatMap(({ verdict, by }) => (verdict === "pass" && by !== "" ? [by] : []))),
    ...outcomes.flatMap((outcome) => sourceReason(trace, outcome)).filter((text, at, all) => all.indexOf(text) === at),
    ...elsewhereReason(trace, asked),
    ...hairpins(trace),
    ...new Set(outcomes.flatMap(affinityReason)),
  ];
}

/** What is bound to an endpoint that no rule has goes there all the same, as long as the client goes on sending. */
function staleReason({ head, stale }: PacketTrace): readonly string[] {
  if (stale === undefined) return [];
  const proto = protocolText(head.proto);
  const anew = stale.instead.map(({ verdict, to }) =>
    verdict === "forward" || verdict === "local" || verdict === "pass" ? endpointText(to) : verdict,
  );
  const client = `--orig-src ${formatIp(head.src)} --orig-dst ${formatIp(head.dst)}`;
  const ports = `--sport ${head.srcPort} --dport ${head.dstPort}`;
  return [
    `conntrack still sends this flow to ${endpointText(stale.to)}, which the rules do not have: ` +
      `a new one would go to ${anew.join(" or ")} (conntrack -D -p ${proto} ${client} ${ports} ends it)`,
  ];
}

/** The addresses of virtual servers of IPVS are the node's too, and nothing of its own listens there. */
function otherPortReason({ outcomes }: PacketTrace, { name, otherPorts, isNodes }: AskedService): readonly string[] {
  const isServed = outcomes.some(({ verdict }) => verdict === "forward" || (verdict === "local" && isNodes));
  if (name !== undefined || otherPorts.length === 0 || isServed) return [];
  return [`the address is a service's, the port is not: there is ${otherPorts.join(", ")}`];
}

/** Node ports are answered at the node's own addresses alone, and not always at all of them. */
function nodePortReason({ head, outcomes }: PacketTrace, { isNodes, nodePort }: AskedService): readonly string[] {
  const isPassed = outcomes.every(({ verdict }) => verdict === "pass" || verdict === "local");
  const service = isPassed && head.about === undefined ? nodePort() : undefined;
  if (service === undefined || outcomes.some(({ to }) => to.port !== head.dstPort)) return [];
  const why = isNodes
    ? "no rule answers node ports at this address of the node"
    : `nothing says that ${formatIp(head.dst)} is an address of this node (ip -j addr does)`;
  return [`port ${head.dstPort} is a node port of ${service}, and ${why}`];
}

const NO_ENDPOINTS = "the service has no endpoints";
const OUTSIDE = "the client is outside the service's loadBalancerSourceRanges";
const NOT_LOCAL = "the traffic policy is Local, and no endpoint of the service is on this node";

/** Why a virtual server has no real servers, in words. */
const emptinessTexts: Readonly<Record<Emptiness, string>> = {
  "no-endpoints": NO_ENDPOINTS,
  "not-local": NOT_LOCAL,
  either:
    "the virtual server has no server: the service has no endpoints, or a traffic policy of Local and none on this node, " +
    "and nothing that was given tells which",
};

/** Which words of a rule tell why a packet is stopped, and in what words we do: the first that is found. */
const stops: readonly (readonly [RegExp, string])[] = [
  [/has no local endpoints/, NOT_LOCAL],
  [/has no endpoints/, NO_ENDPOINTS],
  [new RegExp(NONE_TAKES), "each server of the virtual server is being drained (weight 0) or full"],
  [/nf_conntrack_max/, "conntrack's table is full"],
  [/invalid ports of ClusterIPs|KUBE-IPVS-IPS/, "the address is a service's, the port is not"],
  [/KUBE-FW-|KUBE-SOURCE-RANGES-FIREWALL|^nat\/KUBE-FIREWALL |kube-proxy\/firewall-/, OUTSIDE],
  [/ctstate INVALID|ct state invalid/, "conntrack takes the packet for invalid"],
];

/** kube-proxy's chains and maps of nftables that have no comment: what they do tells why. */
const endpointChecks: Readonly<Partial<Record<PacketOutcome["verdict"], string>>> = {
  drop: NOT_LOCAL,
  reject: NO_ENDPOINTS,
};

/** The rule that ends the packet tells why; of one that was marked to be dropped, the rule that had it marked. */
function stopReason({ verdict, by, path }: PacketOutcome, { emptiness }: AskedService): readonly string[] {
  if (verdict !== "drop" && verdict !== "reject") return [];
  if (by.startsWith("ipvs: ") && by.endsWith(NO_SERVERS)) return [`${emptinessTexts[emptiness()]} (${by})`];
  const checked = path
    .slice(-2)
    .some(({ rule, matched }) => matched && /@no-endpoint-(?:services|nodeports)/.test(rule));
  const marks = path
    .filter(({ effect }) => effect === "jump KUBE-MARK-DROP")
    .map(({ where, rule }) => `${where} ${rule}`);
  const texts = /KUBE-FIREWALL|KUBE-MARK-DROP/.test(by) ? [...marks, by] : [by];
  const found = stops.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1];
  // Whom the source ranges let in is dropped by the same rule where no endpoint of this node takes over.
  const known = found === OUTSIDE && path.some(isLetIn) ? NOT_LOCAL : found;
  return [`${known ?? (checked ? endpointChecks[verdict] : undefined) ?? "stopped"} (${by})`];
}

/** KUBE-FW-… sends clients on that are in the source ranges. */
function isLetIn({ where, effect, matched }: PathStep): boolean {
  return matched && where.startsWith("nat/KUBE-FW-") && /^jump KUBE-(?:EXT|SVC|XLB)-/.test(effect);
}

function sourceReason({ head }: PacketTrace, outcome: PacketOutcome): readonly string[] {
  const { verdict, source, path } = outcome;
  if (verdict !== "forward" && verdict !== "local" && verdict !== "pass") return [];
  if (sameIp(source.ip, head.src)) return [];
  const met = path.filter(({ matched }) => matched);
  const marked = met.find(({ effect, rule }) => effect === "jump KUBE-MARK-MASQ" || MARKS_IN_NFTABLES.test(rule));
  const last = met.findLast(({ rule }) => /masquerade|MASQUERADE|\bsnat\b|SNAT/.test(rule));
  if (marked !== undefined) return [`the source becomes the node's because this rule marked it: ${marked.rule}`];
  return [`the source is rewritten${last === undefined ? "" : ` by ${last.rule}`}`];
}

/** kube-proxy's IPVS has the endpoints of other nodes stand in for local ones, for clients on the node alone. */
function elsewhereReason(
  { head, inInterface, outcomes }: PacketTrace,
  { isElsewhere }: AskedService,
): readonly string[] {
  const isAnswerLost = outcomes.some(
    ({ verdict, to, source, path }) =>
      verdict === "forward" &&
      sameIp(source.ip, head.src) &&
      path.some(({ where }) => where === "ipvs") &&
      isElsewhere(to),
  );
  if (!isAnswerLost || inInterface === "") return [];
  return [`${NOT_LOCAL}: it goes to another with its source kept, and only clients on this node get the answer`];
}

/** kube-proxy's rules that have a packet masqueraded behind all others. */
const MARKS_IN_NFTABLES = /jump mark-for-masquerade|meta mark set meta mark \| 0x\w+ comment "masquerade"/;

/** A client that may be sent to itself. */
function hairpins({ head, outcomes }: PacketTrace): readonly string[] {
  // A proxy's own connection comes from the node: no bridge has to turn it round.
  const toItself = outcomes.filter(
    ({ verdict, to, path }) =>
      verdict === "forward" && sameIp(to.ip, head.src) && !path.some(({ hook }) => hook === "PROXY"),
  );
  return toItself.map(({ probability, source }) => {
    const chance = formatFraction(probability);
    const rest = sameIp(source.ip, head.src)
      ? "its own address stays the source, so the answer never comes back through the node"
      : "the bridge must let it back out by the port that it came from (hairpin mode)";
    return `the client may be sent to itself (${chance}): ${rest}`;
  });
}

function affinityReason({ path, verdict }: PacketOutcome): readonly string[] {
  if (verdict !== "forward") return [];
  return path.flatMap(({ sticksSeconds }) =>
    sticksSeconds === undefined ? [] : [`the client sticks for ${durationText(sticksSeconds)} by affinity`],
  );
}
