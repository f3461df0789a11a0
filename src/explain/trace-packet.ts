import { type Choices, type Doubt, explore } from "../dataplane/emulated/netfilter/choices.ts";
import { type Connection, tableOf } from "../dataplane/emulated/netfilter/connection.ts";
import { isZero } from "../dataplane/emulated/netfilter/fraction.ts";
import type { Arrival } from "../dataplane/emulated/netfilter/journey.ts";
import type { EmulatedNode, Walked } from "../dataplane/emulated/netfilter/node.ts";
import { type Packet, type PacketHead, tcpFlagBits } from "../dataplane/emulated/netfilter/packet.ts";
import { sameIp } from "../net/ip.ts";
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
  { inInterface = node.entry(head), showsAll = false }: TracePacketOptions = {},
): PacketTrace {
  const assumptions = new Set<string>();
  const sent = furtherPacket(node, head);
  const explored = explore((choices) => {
    const end = endOf(node, head, node.walk(sent, inInterface, choices, showsAll), inInterface);
    for (const assumption of end.assumptions) assumptions.add(assumption);
    return end;
  });
  return { head, inInterface, ...gather(explored), assumptions: [...assumptions] };
}

/** A packet of a connection that is open carries ACK; of one that is not, SYN. */
function furtherPacket({ connections }: EmulatedNode, head: PacketHead): PacketHead {
  const known = head.proto === 6 && head.flags === undefined ? connections.find(head) : undefined;
  const isOpen = known !== undefined && known.connection.replied && !isClosed(known.connection);
  return isOpen ? { ...head, flags: tcpFlagBits.ACK } : head;
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
    path: walk.steps.map(({ hook, where, matched, rule, effect }) => ({ hook, where, matched, rule: rule(), effect })),
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
  if (connection === undefined || packet.isReply || (arrival.at !== "sent" && arrival.at !== "local")) return undefined;
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
  const { walk: back, arrival: end } = answering.walk(answer, entry, firstWay);
  const reaches = end.at === "local" ? cameBy === "" : end.at === "sent";
  return {
    verdict: reaches ? "pass" : end.at === "sent" ? "forward" : end.at,
    from: { ip: back.packet.src, port: back.packet.srcPort },
    to: { ip: back.packet.dst, port: back.packet.dstPort },
    by: "by" in end ? end.by : "",
  };
}

const firstWay: Choices = {
  draw: (chances) =>
    Math.max(
      chances.findIndex(({ exact }) => !isZero(exact)),
      0,
    ),
  doubt: () => false,
};
