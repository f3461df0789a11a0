import { type Protocol, TCP, UDP } from "../../../net/flow.ts";
import type { FlowState, PacketKind } from "../flow-states.ts";

/** Where a connection of IPVS stands. */
export type IpvsState = Extract<
  FlowState,
  "SYN_RECV" | "ESTABLISHED" | "FIN_WAIT" | "CLOSE_WAIT" | "TIME_WAIT" | "CLOSE" | "UDP" | "SCTP"
>;

/** How long a connection is kept in each state after its last packet, in milliseconds. */
export type IpvsTimeouts = Readonly<Record<IpvsState, number>>;

const SECOND = 1000;

/** The kernel's own. `ipvsadm --set` changes ESTABLISHED, FIN_WAIT and UDP, and no other. */
export const ipvsTimeouts: IpvsTimeouts = Object.freeze({
  SYN_RECV: 60 * SECOND,
  ESTABLISHED: 900 * SECOND,
  FIN_WAIT: 120 * SECOND,
  CLOSE_WAIT: 60 * SECOND,
  TIME_WAIT: 120 * SECOND,
  CLOSE: 10 * SECOND,
  UDP: 300 * SECOND,
  SCTP: 900 * SECOND,
});

/** What a TCP packet makes of a state, where it changes it. */
const after: Readonly<Record<PacketKind, Partial<Record<IpvsState, IpvsState>>>> = Object.freeze({
  // A connection that is closing and was not scheduled again is opened again where it is.
  open: { FIN_WAIT: "SYN_RECV", CLOSE_WAIT: "SYN_RECV", TIME_WAIT: "SYN_RECV", CLOSE: "SYN_RECV" },
  request: { SYN_RECV: "ESTABLISHED" },
  reply: {},
  "client-fin": { SYN_RECV: "TIME_WAIT", ESTABLISHED: "CLOSE_WAIT", FIN_WAIT: "TIME_WAIT" },
  "server-fin": { SYN_RECV: "TIME_WAIT", ESTABLISHED: "FIN_WAIT", CLOSE_WAIT: "TIME_WAIT" },
  // A client's RST cannot tell whether the server will still answer the SYN.
  "client-rst": { ESTABLISHED: "CLOSE", FIN_WAIT: "CLOSE", CLOSE_WAIT: "CLOSE", TIME_WAIT: "CLOSE" },
  "server-rst": { SYN_RECV: "CLOSE", ESTABLISHED: "CLOSE", FIN_WAIT: "CLOSE", CLOSE_WAIT: "CLOSE" },
});

/** After the first packet. */
export function firstState(proto: Protocol): IpvsState {
  return proto === TCP ? "SYN_RECV" : proto === UDP ? "UDP" : "SCTP";
}

/**
 * After a further packet. The first FIN or RST of either side ends a connection that is established; the states behind
 * it tell who was first. UDP has one state, and SCTP is not followed.
 *
 * Source: Linux net/netfilter/ipvs/ip_vs_proto_tcp.c, for masqueraded connections without secure_tcp.
 */
export function nextState(state: IpvsState, packet: PacketKind): IpvsState {
  return after[packet][state] ?? state;
}
