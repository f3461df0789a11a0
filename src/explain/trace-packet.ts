import {
  type Branch,
  type Chance,
  type Choices,
  type Doubt,
  explore,
} from "../dataplane/emulated/netfilter/choices.ts";
import { type Connection, tableOf } from "../dataplane/emulated/netfilter/connection.ts";
import { isZero } from "../dataplane/emulated/netfilter/fraction.ts";
import type { Arrival } from "../dataplane/emulated/netfilter/journey.ts";
import type { EmulatedNode, Walked } from "../dataplane/emulated/netfilter/node.ts";
import { type Packet, type PacketHead, tcpFlagBits } from "../dataplane/emulated/netfilter/packet.ts";
import { usualFlags } from "../dataplane/emulated/netfilter/tcp-tracking.ts";
import { formatIp, sameIp } from "../net/ip.ts";
import { gather } from "./gather.ts";
import type { Endpoint, PacketEnd, PacketOutcome, PacketVerdict, WayBack } from "./packet-outcome.ts";

/** Where a packet goes through the rules of a node, how likely, and why. */
export interface PacketTrace {
  readonly head: PacketHead;
  /** The interface that it comes in by; empty: a process of the node sends it. */
  readonly inInterface: string;
  /** Everything that may become of it; the probabilities add up to 1. */
  readonly outcomes: readonly PacketOutcome[];
  /** What was taken for granted, in words. */
  readonly assumptions: readonly string[];
  /** Rules that were not understood and made no difference. */
  readonly harmless: readonly Doubt[];
  /** Where conntrack still sends the flow, though rules would send a new one elsewhere, and where that would be. */
  readonly stale?: { readonly to: Endpoint; readonly instead: readonly PacketOutcome[] };
}

export interface TracePacketOptions {
  /** @default by the way back to its source */
  readonly inInterface?: string;
  /** Rules that do not match are in the path too. @default false */
  readonly showsAll?: boolean;
}

/**
 * Traces one packet, in every way that chance and what nobody can tell leave open, and the first answer to it.
 *
 * One walk a branch: a service of n endpoints has n.
 *
 * @throws {SluiceError} RULESET_UNKNOWN_CHAIN, RULESET_LOOP for rules that cannot be walked.
 */
export function tracePacket(
  node: EmulatedNode,
  head: PacketHead,
  { inInterface: given, showsAll = false }: TracePacketOptions = {},
): PacketTrace {
  const entry = node.entry(head);
  const inInterface = given ?? entry.device;
  const isGuessed = given === undefined && entry.isGuessed;
  const assumptions = new Set<string>(isGuessed ? [guessText(head, inInterface)] : []);
  const sent = furtherPacket(node, head);
  const explored = explore((choices) => {
    const end = endOf(node, head, node.walk(sent, inInterface, choices, showsAll), inInterface);
    for (const assumption of end.assumptions) assumptions.add(assumption);
    return end;
  });
  const stale = staleWay(node, head, inInterface);
  const trace = { head, inInterface, ...gather(explored), assumptions: [...assumptions] };
  return stale === undefined ? trace : { ...trace, stale };
}

function guessText({ src }: PacketHead, device: string): string {
  return `no way leads back to ${formatIp(src)}: the packet comes in by ${device} (--in-interface)`;
}

/**
 * Rules are asked about new flows alone: one that is bound to an endpoint stays with it, also when that is gone, and one
 * that is older than the rules goes on as it was.
 */
function staleWay(node: EmulatedNode, head: PacketHead, inInterface: string): PacketTrace["stale"] {
  const known = head.about === undefined ? node.connections.find(head) : undefined;
  if (known === undefined || known.isReply) return undefined;
  const { reply } = known.connection;
  const to = { ip: reply.src, port: reply.srcPort };
  const anew = tracePacket(node.answering(tableOf([])), head, { inInterface }).outcomes;
  const isThere = anew.some(({ to: end, verdict }) => verdict === "undecided" || sameEndpoint(end, to));
  return isThere ? undefined : { to, instead: anew };
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return sameIp(a.ip, b.ip) && (a.port === b.port || a.ports !== undefined);
}

/** A packet of a connection that is open carries ACK, an answer to its SYN both; one that opens it, SYN. */
function furtherPacket({ connections }: EmulatedNode, head: PacketHead): PacketHead {
  const known = head.proto === 6 && head.flags === undefined ? connections.find(head) : undefined;
  if (known === undefined || isClosed(known.connection)) return head;
  return { ...head, flags: usualFlags({ replied: known.connection.replied, isReply: known.isReply }) };
}

function isClosed({ tcpState }: Connection): boolean {
  return tcpState === "TIME_WAIT" || tcpState === "CLOSE";
}

function endOf(node: EmulatedNode, head: PacketHead, walked: Walked, inInterface: string): PacketEnd {
  const { walk, arrival } = walked;
  const { packet } = walk;
  const end = {
    verdict: verdictOf(head, packet, arrival),
    to: destinationOf(packet),
    source: sourceOf(packet),
    device: arrival.at === "sent" ? arrival.device : "",
    by: "by" in arrival ? arrival.by : "",
    passed: walk.passed,
    path: walk.steps.map((step) => ({ ...step, rule: step.rule() })),
    assumptions: [...walk.assumptions],
  };
  const back = wayBack(node, walked, inInterface);
  return back === undefined ? end : { ...end, back };
}

function destinationOf({ dst, dstPort, dstPorts }: Packet): Endpoint {
  return { ip: dst, port: dstPort, ...(dstPorts === undefined ? {} : { ports: dstPorts }) };
}

function sourceOf({ src, srcPort, srcPorts }: Packet): Endpoint {
  return { ip: src, port: srcPort, ...(srcPorts === undefined ? {} : { ports: srcPorts }) };
}

function verdictOf(head: PacketHead, packet: Packet, { at }: Arrival): PacketVerdict {
  if (at !== "sent") return at;
  return sameIp(head.dst, packet.dst) && head.dstPort === packet.dstPort && packet.dstPorts === undefined
    ? "pass"
    : "forward";
}

/** Sends the first answer back: what was rewritten is turned round, and rules may stop it. Chance takes its first way. */
function wayBack(node: EmulatedNode, { walk, arrival }: Walked, cameBy: string): WayBack | undefined {
  const { packet } = walk;
  const { connection } = packet;
  if (
    connection === undefined ||
    packet.isReply ||
    packet.about !== undefined ||
    (arrival.at !== "sent" && arrival.at !== "local")
  )
    return undefined;
  const { reply } = connection;
  const answering = node.answering(tableOf([{ ...connection, replied: true }]));
  const flags = tcpFlagBits.SYN | tcpFlagBits.ACK;
  const answer: PacketHead = {
    proto: reply.proto,
    src: reply.src,
    srcPort: reply.srcPort,
    dst: reply.dst,
    dstPort: reply.dstPort,
    flags,
  };
  const entry = arrival.at === "local" ? "" : arrival.device;
  const { branches } = explore((choices) => {
    const draw: Choices["draw"] = (chances) => firstWay(chances);
    return answerEnd(answering.walk(answer, entry, { draw, doubt: choices.doubt }), cameBy);
  });
  return settled(branches);
}

function answerEnd({ walk: { packet }, arrival }: Walked, cameBy: string): WayBack {
  const reaches = arrival.at === "local" ? cameBy === "" : arrival.at === "sent";
  return {
    verdict: reaches ? "pass" : arrival.at === "sent" ? "forward" : arrival.at,
    from: { ip: packet.src, port: packet.srcPort },
    to: { ip: packet.dst, port: packet.dstPort },
    by: "by" in arrival ? arrival.by : "",
  };
}

/** What becomes of the answer either way, where something about it is in doubt; undecided, where that makes a difference. */
function settled(branches: readonly Branch<WayBack>[]): WayBack {
  const { end, choices } = branches.at(-1)!;
  const isSame = branches.every(
    ({ end: { verdict, from, to } }) =>
      verdict === end.verdict &&
      sameIp(from.ip, end.from.ip) &&
      from.port === end.from.port &&
      sameIp(to.ip, end.to.ip),
  );
  const doubted = choices.find((choice) => choice.kind === "doubt");
  if (isSame || doubted?.kind !== "doubt") return end;
  return { ...end, verdict: "undecided", by: `${doubted.doubt.where}: ${doubted.doubt.why}` };
}

/** Chance takes the first way that is possible. */
function firstWay(chances: readonly Chance[]): number {
  return Math.max(
    chances.findIndex(({ exact }) => !isZero(exact)),
    0,
  );
}
