import assert from "node:assert/strict";
import { type Choices, explore } from "../../../../src/dataplane/emulated/netfilter/choices.ts";
import { tableOf } from "../../../../src/dataplane/emulated/netfilter/connection.ts";
import type { EmulatedNode, Walked } from "../../../../src/dataplane/emulated/netfilter/node.ts";
import { type PacketHead, tcpFlagBits } from "../../../../src/dataplane/emulated/netfilter/packet.ts";
import { formatIp, parseIp } from "../../../../src/net/ip.ts";
import type { TrialPacket } from "./trial-packet.ts";
import type { Arrived } from "./kernel-network.ts";

/** What one packet leaves behind: what each rule counted, and where it arrived. */
export interface KernelEnd {
  readonly counted: ReadonlyMap<string, number>;
  readonly arrived: readonly Arrived[];
}

/** Everything that the emulator says may come of a packet. */
export function expectedEnds(
  node: EmulatedNode,
  packet: TrialPacket,
  nameOf: (where: string, rule: string) => string | undefined,
): readonly KernelEnd[] {
  const { branches } = explore((choices): KernelEnd => {
    const walks = walksOf(node, packet, choices);
    const counted = new Map<string, number>();
    for (const walked of walks) if (walked !== undefined) count(counted, walked, nameOf);
    return { counted, arrived: arrivedOf(walks[0]) };
  });
  for (const { choices } of branches) {
    const doubt = choices.find(({ kind }) => kind === "doubt");
    assert.equal(doubt, undefined, "all conditions of these trials can be told");
  }
  return branches.map(({ end }) => end);
}

/** What the packets have with their headers, in octets: one of data; the options that Linux sends with a SYN; none. */
const DATAGRAM = 29;
const SYN = 60;
const RESET = 40;

/** The way of a packet, and of the node's answer where nobody listens: rules see that too. */
export function walksOf(
  node: EmulatedNode,
  packet: TrialPacket,
  choices: Choices,
  showsAll = false,
): readonly [Walked, Walked?] {
  const head: PacketHead = {
    proto: packet.proto,
    src: parseIp(packet.src),
    srcPort: packet.srcPort,
    dst: parseIp(packet.dst),
    dstPort: packet.dstPort,
    length: packet.proto === 17 ? DATAGRAM : SYN,
  };
  const walked = node.walk(head, packet.from === "node" ? "" : "c0", choices, showsAll);
  if (walked.arrival.at !== "local" || packet.proto !== 6) return [walked];
  return [walked, node.answering(answered(walked)).walk(reset(walked), "", choices, showsAll)];
}

export function sameCounts(wanted: KernelEnd["counted"], seen: KernelEnd["counted"]): boolean {
  return wanted.size === seen.size && [...wanted].every(([rule, n]) => seen.get(rule) === n);
}

/** Whether what came in at the ends of the network is what the emulator says. */
export function sameArrival({ arrived: [wanted] }: KernelEnd, [seen, more]: readonly Arrived[]): boolean {
  if (more !== undefined || (seen === undefined) !== (wanted === undefined)) return false;
  return JSON.stringify(seen) === JSON.stringify(wanted);
}

type NameOf = Parameters<typeof expectedEnds>[2];

function count(counted: Map<string, number>, { walk }: Walked, nameOf: NameOf): void {
  for (const { where, rule } of walk.steps) {
    const text = rule();
    // No count of a policy is kept.
    if (text.startsWith("-P ") || text.startsWith("policy ")) continue;
    const name = nameOf(where, text);
    if (name !== undefined) counted.set(name, (counted.get(name) ?? 0) + 1);
  }
}

function arrivedOf({ walk: { packet }, arrival }: Walked): readonly Arrived[] {
  if (arrival.at !== "local" && arrival.at !== "sent") return [];
  const at = arrival.at === "local" ? "node" : arrival.device === "s0" ? "server" : "client";
  const { src, srcPort, dst, dstPort } = packet;
  return [{ at, src: formatIp(src), srcPort, dst: formatIp(dst), dstPort }];
}

function answered({ walk }: Walked): ReturnType<typeof tableOf> {
  const { connection } = walk.packet;
  return tableOf(connection === undefined ? [] : [{ ...connection, replied: true }]);
}

function reset({ walk: { packet } }: Walked): PacketHead {
  return {
    proto: 6,
    src: packet.dst,
    srcPort: packet.dstPort,
    dst: packet.src,
    dstPort: packet.srcPort,
    flags: tcpFlagBits.RST | tcpFlagBits.ACK,
    length: RESET,
  };
}
