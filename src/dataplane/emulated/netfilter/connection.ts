import { SCTP, TCP, UDP } from "../../../net/flow.ts";
import { type Ip, ipKey } from "../../../net/ip.ts";
import { type Packet, tcpFlagBits } from "./packet.ts";

export type ConnectionState = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED";

/** Addresses and ports of one direction. */
export interface Tuple {
  readonly proto: number;
  readonly src: Ip;
  readonly srcPort: number;
  readonly dst: Ip;
  readonly dstPort: number;
}

/** What conntrack knows of a connection. The reply shows what NAT made of it. */
export interface Connection {
  readonly original: Tuple;
  reply: Tuple;
  mark: number;
  /** Whether the other side was heard. */
  replied: boolean;
  /** `ESTABLISHED`, `TIME_WAIT`, …; empty for protocols without. */
  readonly tcpState: string;
  /** An expectation foresaw it: a helper's, or an ICMP error about another connection. */
  readonly expected: boolean;
  /** Traffic was seen in both directions: a full table does not throw it out to make room. */
  readonly assured: boolean;
  /** After how long without a packet it is over, as its table told; absent: nobody told. */
  readonly leftSeconds?: number;
  /** What was rewritten. */
  dnat: boolean;
  snat: boolean;
  /** Whether NAT has had its say about the destination, the source. */
  dstBound: boolean;
  srcBound: boolean;
}

/** The connections that a node knows, by both of their directions. */
export interface ConnectionTable {
  readonly size: number;
  /** Why no new connection fits in; undefined: there is room. */
  readonly full?: FullTable;
  /** Whether a TCP connection is picked up in mid-stream: net.netfilter.nf_conntrack_tcp_loose. */
  readonly tcpLoose: boolean;
  /** @returns a copy that a walk may change. */
  find(tuple: Tuple): { readonly connection: Connection; readonly isReply: boolean } | undefined;
  /** Whether an answer of this form belongs to a connection already, so that NAT has to choose another port. */
  isTaken(reply: Tuple): boolean;
}

export interface FullTable {
  /** net.netfilter.nf_conntrack_max. */
  readonly max: number;
  /** Whether some connection never was assured: the kernel throws such a one out where it comes across it. */
  readonly mayMakeRoom: boolean;
}

export interface TableOptions {
  /** How long ago the connections stood so: those whose time was shorter are over. @default 0 */
  readonly laterSeconds?: number;
  /** net.netfilter.nf_conntrack_max. @default there is always room */
  readonly max?: number;
  /** net.netfilter.nf_conntrack_tcp_loose. @default true, as the kernel's own */
  readonly tcpLoose?: boolean;
}

export function tableOf(
  all: readonly Connection[],
  { laterSeconds = 0, max, tcpLoose = true }: TableOptions = {},
): ConnectionTable {
  const connections = all.filter(({ leftSeconds }) => leftSeconds === undefined || leftSeconds > laterSeconds);
  const byTuple = new Map<string, { readonly connection: Connection; readonly isReply: boolean }>();
  for (const connection of connections) {
    byTuple.set(tupleKey(connection.original), { connection, isReply: false });
    byTuple.set(tupleKey(connection.reply), { connection, isReply: true });
  }
  const isFull = max !== undefined && max > 0 && connections.length >= max;
  const mayMakeRoom = isFull && connections.some(({ assured }) => !assured);
  return {
    size: connections.length,
    tcpLoose,
    ...(isFull ? { full: { max, mayMakeRoom } } : {}),
    find(tuple) {
      const found = byTuple.get(tupleKey(tuple));
      return found && { connection: { ...found.connection }, isReply: found.isReply };
    },
    isTaken: (reply) => byTuple.has(tupleKey(reply)),
  };
}

export function tupleKey({ proto, src, srcPort, dst, dstPort }: Tuple): string {
  return `${proto} ${ipKey(src)} ${srcPort} ${ipKey(dst)} ${dstPort}`;
}

/** The same connection seen from the other end, as long as nobody rewrites anything. */
export function turned({ proto, src, srcPort, dst, dstPort }: Tuple): Tuple {
  return { proto, src: dst, srcPort: dstPort, dst: src, dstPort: srcPort };
}

export function openConnection(original: Tuple): Connection {
  return {
    original,
    reply: turned(original),
    mark: 0,
    replied: false,
    tcpState: "",
    expected: false,
    assured: false,
    dnat: false,
    snat: false,
    dstBound: false,
    srcBound: false,
  };
}

/** A closed connection makes room for a SYN that opens one anew. */
const over: ReadonlySet<string> = new Set(["TIME_WAIT", "CLOSE"]);

export function isReopened({ tcpState }: Connection, isReply: boolean, flags: number): boolean {
  return !isReply && over.has(tcpState) && flags === tcpFlagBits.SYN;
}

/** Conntrack's word for a packet of a connection. */
export function stateOf({ replied, expected }: Connection, isReply: boolean): ConnectionState {
  if (isReply || replied) return "ESTABLISHED";
  return expected ? "RELATED" : "NEW";
}

/** Whether a packet of no known connection may open one; all others are INVALID. Source: Linux, tcp_conntracks. */
export function mayOpen({ proto, icmp, flags }: Packet, { tcpLoose }: Pick<ConnectionTable, "tcpLoose">): boolean {
  if (proto === TCP) {
    const { SYN, ACK, RST, FIN } = tcpFlagBits;
    if ((flags & (RST | FIN)) !== 0) return false;
    const [syn, ack] = [(flags & SYN) !== 0, (flags & ACK) !== 0];
    return syn ? !ack : ack && tcpLoose;
  }
  const isRequest = icmp === undefined || requests.has(icmp.type);
  return proto === UDP || proto === SCTP || isRequest;
}

/** Of both ICMPs: echo, timestamp, information and mask request; echo and node information request. */
const requests: ReadonlySet<number> = new Set([8, 13, 15, 17, 128, 139]);
