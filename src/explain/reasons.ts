import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import { formatIp, type Ip, sameIp } from "../net/ip.ts";
import { durationText } from "./duration-text.ts";
import type { Emptiness } from "./emptiness.ts";
import { endpointText } from "./gather.ts";
import type { Endpoint, PacketOutcome } from "./packet-outcome.ts";
import { protocolText } from "./protocol-text.ts";
import { missedReason } from "./missed-reason.ts";
import { backReason, isAnybodys, NOT_LOCAL, stopReason } from "./stop-reason.ts";
import type { PacketTrace } from "./trace-packet.ts";

/** What the cluster or the rules say about the packet's destination. */
export interface AskedService {
  /** By the cluster, where one was given. */
  readonly name: string | undefined;
  /** Ports that services have at that address, where none has the packet's. */
  readonly otherPorts: readonly string[];
  /** The service that rules of iptables have there, and where: `shop/web at 10.96.0.1:80`; undefined: none. */
  ruled(): string | undefined;
  /** Whether IPVS has a virtual server there, at an address that is none of the node's. */
  isUnreached(): boolean;
  /** Whether it is an address of the node's own interfaces, where others than services listen. */
  readonly isNodes: boolean;
  /** The service whose node port the packet's port is; undefined: none. */
  nodePort(): string | undefined;
  /** Why the virtual server of that destination has no real servers. */
  emptiness(): Emptiness;
  /** Whether the traffic policy is Local there, and this endpoint on another node. */
  isElsewhere(to: Endpoint): boolean;
  /** The rule that would let a packet through which another stops before it; undefined: none. */
  late(trace: PacketTrace, stopped: PacketOutcome): string | undefined;
  /** The interface by which packets leave for an address; undefined: nobody told of the node's interfaces and routes. */
  wayTo(ip: Ip): string | undefined;
  /** Whether what goes back to its sender gets there, in words. */
  hairpin(client: Ip): string;
}

/** Why things are as they are, and not as somebody might expect, in sentences; empty: nothing is unusual. */
export function reasonsOf(trace: PacketTrace, asked: AskedService): readonly string[] {
  const { outcomes } = trace;
  return [
    ...otherPortReason(trace, asked),
    ...nodePortReason(trace, asked),
    ...missedReason(trace, asked),
    ...staleReason(trace),
    ...new Set(outcomes.flatMap((outcome) => stopReason(trace.head, outcome, asked))),
    ...lateReason(trace, asked),
    ...new Set(outcomes.flatMap((outcome) => backReason(outcome) ?? [])),
    ...new Set(outcomes.flatMap(({ verdict, by }) => (verdict === "pass" && by !== "" ? [by] : []))),
    ...outcomes.flatMap((outcome) => sourceReason(trace, outcome)).filter((text, at, all) => all.indexOf(text) === at),
    ...ownSourceReason(trace, asked),
    ...elsewhereReason(trace, asked),
    ...hairpins(trace, asked),
    ...pastReason(trace, asked),
    ...filteredReason(trace, asked),
    ...new Set(outcomes.flatMap(affinityReason)),
  ];
}

/** What is bound to an endpoint that no rule has goes there all the same, as long as the client goes on sending. */
function staleReason({ head, stale }: PacketTrace): readonly string[] {
  if (stale === undefined) return [];
  const proto = protocolText(head.proto);
  const client = `--orig-src ${formatIp(head.src)} --orig-dst ${formatIp(head.dst)}`;
  const ports = `--sport ${head.srcPort} --dport ${head.dstPort}`;
  const isOlder = sameIp(stale.to.ip, head.dst) && stale.to.port === head.dstPort;
  const state = isOlder
    ? "conntrack has this flow from before the rules, which no longer look at it"
    : `conntrack still sends this flow to ${endpointText(stale.to)}, which the rules do not have`;
  return [`${state}: a new one would ${endsText(stale.instead)} (conntrack -D -p ${proto} ${client} ${ports} ends it)`];
}

/** `go to 10.244.1.10:53 or be refused` */
function endsText(outcomes: readonly PacketOutcome[]): string {
  const stops = { drop: "be dropped", reject: "be refused", undecided: "do nobody can tell what" } as const;
  const arriving = outcomes.filter(({ verdict }) => verdict === "forward" || verdict === "local" || verdict === "pass");
  const going = arriving.length === 0 ? [] : [`go to ${arriving.map(({ to }) => endpointText(to)).join(" or ")}`];
  const stopped = (["reject", "drop", "undecided"] as const)
    .filter((stop) => outcomes.some(({ verdict }) => verdict === stop))
    .map((stop) => stops[stop]);
  return [...going, ...stopped].join(" or ");
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

/** The way to a virtual server's address is local, and what it is sent from by default is that address. */
function ownSourceReason(
  { head, inInterface, outcomes }: PacketTrace,
  { isUnreached }: AskedService,
): readonly string[] {
  const isServed = outcomes.some(
    ({ verdict, path }) => verdict === "forward" && path.some(({ where }) => where === "ipvs"),
  );
  if (inInterface !== "" || !isServed || sameIp(head.src, head.dst) || isUnreached()) return [];
  return [`a process of the node that binds no address sends from ${formatIp(head.dst)} itself (--from)`];
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

/** Rules are asked in their order: one that accepts is of no use behind one that stops all. */
function lateReason(trace: PacketTrace, asked: AskedService): readonly string[] {
  const stopped = trace.outcomes.find(
    (outcome) => (outcome.verdict === "drop" || outcome.verdict === "reject") && isAnybodys(trace.head, outcome, asked),
  );
  const late = stopped && asked.late(trace, stopped);
  return late === undefined ? [] : [`${late} would let it through, and stands behind that rule`];
}

/** Whatever is turned back at the node has to come by it. */
function pastReason({ head, inInterface, outcomes }: PacketTrace, { wayTo }: AskedService): readonly string[] {
  const isTurnedRound = outcomes.some(
    ({ verdict, device, source, to }) =>
      verdict === "forward" &&
      device !== "" &&
      device === inInterface &&
      wayTo(to.ip) === device &&
      sameIp(source.ip, head.src) &&
      !sameIp(to.ip, head.src),
  );
  if (!isTurnedRound) return [];
  return [
    `it leaves by ${inInterface}, by which it came in, with its source kept: an answer that does not come by this node ` +
      "again is of no use to the client (it does, masqueraded; on a bridge of this node, with bridge-nf-call-iptables=1)",
  ];
}

function filteredReason({ head, inInterface }: PacketTrace, { wayTo }: AskedService): readonly string[] {
  const back = inInterface === "" || inInterface === "lo" ? undefined : wayTo(head.src);
  if (back === undefined || back === inInterface) return [];
  const client = formatIp(head.src);
  return [`it comes in by ${inInterface}, answers to ${client} leave by ${back}: with rp_filter=1 the kernel drops it`];
}

/** kube-proxy's rules that have a packet masqueraded behind all others. */
const MARKS_IN_NFTABLES = /jump mark-for-masquerade|meta mark set meta mark \| 0x\w+ comment "masquerade"/;

/** A client that may be sent to itself. */
function hairpins({ head, outcomes }: PacketTrace, { hairpin }: AskedService): readonly string[] {
  // A proxy's own connection comes from the node: no bridge has to turn it round.
  const toItself = outcomes.filter(
    ({ verdict, to, path }) =>
      verdict === "forward" && sameIp(to.ip, head.src) && !path.some(({ hook }) => hook === "PROXY"),
  );
  return toItself.map(({ probability, source }) => {
    const chance = formatFraction(probability);
    const rest = sameIp(source.ip, head.src)
      ? "its own address stays the source, so the answer never comes back through the node"
      : hairpin(head.src);
    return `the client may be sent to itself (${chance}): ${rest}`;
  });
}

function affinityReason({ path, verdict }: PacketOutcome): readonly string[] {
  if (verdict !== "forward") return [];
  return path.flatMap(({ sticksSeconds }) =>
    sticksSeconds === undefined ? [] : [`the client sticks for ${durationText(sticksSeconds)} by affinity`],
  );
}
