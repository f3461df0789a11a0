import type { Family, Ip } from "../../../net/ip.ts";
import { familyOf, sameIp } from "../../../net/ip.ts";
import type { Connection, ConnectionState, Tuple } from "./connection.ts";

/** Bits of TCP's header, as `tcp flags` of nft numbers them. */
export const tcpFlagBits = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

export interface Ports {
  readonly first: number;
  readonly last: number;
}

/** What a packet is when it comes. */
export interface PacketHead {
  /** Number of the protocol, 0…255. */
  readonly proto: number;
  readonly src: Ip;
  /** 0 where the protocol has none. */
  readonly srcPort: number;
  readonly dst: Ip;
  readonly dstPort: number;
  /** Of TCP. @default SYN */
  readonly flags?: number;
  /** Of ICMP. */
  readonly icmp?: { readonly type: number; readonly code: number };
  /** Of an ICMP error: the packet that it is about, as whoever sends the error had it. */
  readonly about?: Tuple;
  /** @default 0 */
  readonly mark?: number;
  /** Of the whole packet with its IP header, in octets. Absent: nobody said. */
  readonly length?: number;
}

/** A packet on its way. */
export interface Packet {
  readonly family: Family;
  readonly proto: number;
  src: Ip;
  srcPort: number;
  /** The kernel chose the port by chance: it is one of these, and `srcPort` the first. */
  srcPorts: Ports | undefined;
  dst: Ip;
  dstPort: number;
  dstPorts: Ports | undefined;
  readonly flags: number;
  readonly icmp: { readonly type: number; readonly code: number } | undefined;
  readonly about: Tuple | undefined;
  /** In octets; undefined: nobody said. */
  readonly length: number | undefined;
  mark: number;
  /** Empty: none yet, or a packet of the node itself. */
  inInterface: string;
  outInterface: string;
  /** Undefined before conntrack has seen it, and for what is not followed. */
  connection: Connection | undefined;
  state: ConnectionState;
  /** Of the server's packets. */
  isReply: boolean;
}

export function openPacket(head: PacketHead): Packet {
  return {
    family: familyOf(head.dst),
    proto: head.proto,
    src: head.src,
    srcPort: head.srcPort,
    srcPorts: undefined,
    dst: head.dst,
    dstPort: head.dstPort,
    dstPorts: undefined,
    flags: head.proto === 6 ? (head.flags ?? tcpFlagBits.SYN) : 0,
    icmp: head.icmp,
    about: head.about,
    length: head.length,
    mark: head.mark ?? 0,
    inInterface: "",
    outInterface: "",
    connection: undefined,
    // What conntrack has not seen yet counts as that.
    state: "INVALID",
    isReply: false,
  };
}

const IP4_MULTICAST = 0xe;

/**
 * Whether the packet was sent to one host, as its link says: a packet that was neither a broadcast nor a multicast. NAT
 * changes nothing about that.
 *
 * @returns false also where its link would have to be known.
 */
export function isForHost({ connection, isReply, dst }: Packet): boolean {
  const sentTo = connection === undefined ? dst : (isReply ? connection.reply : connection.original).dst;
  if (typeof sentTo !== "number") return sentTo.w0 >>> 24 !== 0xff;
  return sentTo >>> 28 < IP4_MULTICAST && !sameIp(sentTo, 0xffff_ffff as typeof sentTo);
}
