import type { Flow } from "../../net/flow.ts";
import { type Family, familyOf, type Ip, type Ip4 } from "../../net/ip.ts";
import type { Decider, DecisionState, FlowDecision } from "./decider.ts";
import type { Packet } from "./packet.ts";

/** The built-in or base chains on a packet's way, in order; what could not do anything to it is left out. */
export interface Ways<C> {
  /** A packet comes in, before anybody knows where it goes. */
  readonly arriving: readonly C[];
  /** What came in is for the node itself. */
  readonly delivered: readonly C[];
  /** What came in goes on. */
  readonly forwarded: readonly C[];
  /** The node sends a packet. */
  readonly leaving: readonly C[];
  /** What the node sends to itself comes in again by its loopback; its addresses were settled on the way out. */
  readonly looped: readonly C[];
}

/** Which interface packets of a source come in by. */
export type InterfaceOf = (source: Ip) => string;

/** How a way ends for a packet. */
export type WayEnd = "through" | "drop" | "reject";

/** Goes through chains, one packet at a time, and counts the rules that it passes. */
export interface Walker<C> {
  /** Since the packet set out. */
  steps: number;
  pass(way: readonly C[]): WayEnd;
}

export interface WayContext<C> {
  /** Of each family that has any. */
  readonly ways: ReadonlyMap<Family, Ways<C>>;
  readonly walker: Walker<C>;
  /** The walker's: its fields are set anew for each flow. */
  readonly packet: Packet;
  readonly state: DecisionState;
  readonly interfaceOf: InterfaceOf;
  isLocal(ip: Ip): boolean;
}

/** A packet for walks, used again by each. */
export function newPacket(): Packet {
  return {
    proto: 6,
    src: 0 as Ip4,
    dst: 0 as Ip4,
    dstPort: 0,
    mark: 0,
    dnat: false,
    snat: false,
    inInterface: "",
    nowMs: 0,
    watch: undefined,
  };
}

/**
 * Decides by chains. A packet whose source is the node's goes out, any other comes in; once NAT was asked it goes to the
 * node or on by its new destination.
 */
export function decideByWays<C>({ ways, walker, packet, state, interfaceOf, isLocal }: WayContext<C>): Decider {
  const receive = (of: Ways<C>): WayEnd => {
    const end = walker.pass(of.arriving);
    return end === "through" ? walker.pass(isLocal(packet.dst) ? of.delivered : of.forwarded) : end;
  };
  const send = (of: Ways<C>): WayEnd => {
    const end = walker.pass(of.leaving);
    return end === "through" && isLocal(packet.dst) ? walker.pass(of.looped) : end;
  };
  const setOut = (flow: Flow, isOwn: boolean): void => {
    packet.proto = flow.proto;
    packet.src = flow.src;
    packet.dst = flow.dst;
    packet.dstPort = flow.dstPort;
    packet.mark = 0;
    packet.dnat = false;
    packet.snat = false;
    packet.inInterface = isOwn ? "" : interfaceOf(flow.src);
    packet.nowMs = state.clock.nowMs();
    walker.steps = 0;
  };
  return {
    decide(flow, _attempt, watch): FlowDecision {
      const of = ways.get(familyOf(flow.dst));
      if (of === undefined) return { verdict: "pass", steps: 0 };
      const isOwn = isLocal(flow.src);
      setOut(flow, isOwn);
      packet.watch = watch;
      const end = isOwn ? send(of) : receive(of);
      const { steps } = walker;
      if (end !== "through") return { verdict: end, steps };
      if (!packet.dnat) return { verdict: "pass", steps };
      return { verdict: "forward", to: { ip: packet.dst, port: packet.dstPort }, masquerade: packet.snat, steps };
    },
  };
}
