import { type Protocol, TCP, UDP } from "../../net/flow.ts";

/**
 * A packet of a flow, as the client or the server sent it. `open` is a SYN, `request` whatever else a client sends,
 * `reply` a SYN/ACK, an ACK or data of the server. Of UDP and SCTP, `open` and `request` are the same.
 */
export type PacketKind = "open" | "request" | "reply" | "client-fin" | "server-fin" | "client-rst" | "server-rst";

/** Where a flow stands. TCP's states have the kernel's names; UDP is a stream once it was answered for a while. */
export type FlowState =
  | "SYN_SENT"
  | "SYN_RECV"
  | "ESTABLISHED"
  | "FIN_WAIT"
  | "CLOSE_WAIT"
  | "LAST_ACK"
  | "TIME_WAIT"
  | "CLOSE"
  | "UDP"
  | "UDP_STREAM"
  | "SCTP";

/** How long a flow is kept in each state after its last packet, in milliseconds; Infinity: until it ends. */
export type StateTimeouts = Readonly<Record<FlowState, number>>;

/** What a transition may depend on besides state and packet. */
interface FlowHistory {
  /** An answer was seen before this packet. */
  readonly replied: boolean;
  /** Since the first packet, in milliseconds. */
  readonly ageMs: number;
}

/** How flows are followed in conntrack and by the userspace proxy; IPVS has a table of its own. */
export interface FlowRules {
  readonly timeouts: StateTimeouts;
  /** After the first packet. */
  first(proto: Protocol): FlowState;
  /** @returns undefined when the flow is over at once. */
  next(state: FlowState, packet: PacketKind, history: FlowHistory): FlowState | undefined;
}

const SECOND = 1000;

/** Linux's nf_conntrack_*_timeout_* as they are before anybody sets them. */
const conntrackTimeouts: StateTimeouts = Object.freeze({
  SYN_SENT: 120 * SECOND,
  SYN_RECV: 60 * SECOND,
  ESTABLISHED: 432_000 * SECOND,
  FIN_WAIT: 120 * SECOND,
  CLOSE_WAIT: 60 * SECOND,
  LAST_ACK: 30 * SECOND,
  TIME_WAIT: 120 * SECOND,
  CLOSE: 10 * SECOND,
  UDP: 30 * SECOND,
  UDP_STREAM: 120 * SECOND,
  SCTP: 210 * SECOND,
});

/** kube-proxy's userspace proxy keeps connections until they end, and UDP for its `udpIdleTimeout`. */
const userspaceTimeouts: StateTimeouts = Object.freeze({ ...conntrackTimeouts, ESTABLISHED: Infinity, UDP: 250 });

/** A UDP flow younger than this is no stream, however many answers it had. */
const UDP_STREAM_AFTER_MS = 2 * SECOND;

/** As nf_conntrack follows flows. SCTP's handshake is not followed: such a flow counts as established from the start. */
export function conntrackRules(timeouts: Partial<StateTimeouts> = {}): FlowRules {
  return {
    timeouts: { ...conntrackTimeouts, ...timeouts },
    first: (proto) => (proto === TCP ? "SYN_SENT" : proto === UDP ? "UDP" : "SCTP"),
    next(state, packet, { replied, ageMs }) {
      if (state === "UDP") return replied && ageMs > UDP_STREAM_AFTER_MS ? "UDP_STREAM" : "UDP";
      if (state === "UDP_STREAM" || state === "SCTP") return state;
      if (packet === "open") return state;
      if (isRst(packet)) return "CLOSE";
      return isFin(packet) ? afterFin(state) : afterSegment(state, packet);
    },
  };
}

function isFin(packet: PacketKind): boolean {
  return packet === "client-fin" || packet === "server-fin";
}

function isRst(packet: PacketKind): boolean {
  return packet === "client-rst" || packet === "server-rst";
}

function afterFin(state: FlowState): FlowState {
  if (state === "SYN_RECV" || state === "ESTABLISHED") return "FIN_WAIT";
  return state === "FIN_WAIT" || state === "CLOSE_WAIT" ? "LAST_ACK" : state;
}

function afterSegment(state: FlowState, packet: PacketKind): FlowState {
  switch (state) {
    case "SYN_SENT":
      return packet === "reply" ? "SYN_RECV" : state;
    case "SYN_RECV":
      return packet === "request" ? "ESTABLISHED" : state;
    case "FIN_WAIT":
      return "CLOSE_WAIT";
    case "LAST_ACK":
      return "TIME_WAIT";
    default:
      return state;
  }
}

/** As the userspace proxy: when either side closes, both connections are closed. */
export function userspaceRules(timeouts: Partial<StateTimeouts> = {}): FlowRules {
  return {
    timeouts: { ...userspaceTimeouts, ...timeouts },
    first: (proto) => (proto === UDP ? "UDP" : "ESTABLISHED"),
    next: (state, packet) => (state === "ESTABLISHED" && (isRst(packet) || isFin(packet)) ? undefined : state),
  };
}

/** Whether a connection of this state counts as active; of UDP and SCTP none does. */
export function isActive(state: FlowState): boolean {
  return state === "SYN_SENT" || state === "SYN_RECV" || state === "ESTABLISHED";
}

/** Whether a new SYN of the same addresses and ports starts a flow of its own. */
export function isOver(state: FlowState): boolean {
  return state === "TIME_WAIT" || state === "CLOSE";
}
