import type { Doubt } from "../dataplane/emulated/netfilter/choices.ts";
import type { Fraction } from "../dataplane/emulated/netfilter/fraction.ts";
import type { Ports } from "../dataplane/emulated/netfilter/packet.ts";
import type { SocketAddr } from "../net/flow.ts";

/**
 * `forward`: sent on to another destination than the client named. `local`: a process of the node gets it. `pass`: sent on
 * to where the client sent it. `undecided`: nobody can tell.
 */
export type PacketVerdict = "forward" | "local" | "pass" | "reject" | "drop" | "undecided";

/** One thing on a packet's way that had to do with it. */
export interface PathStep {
  readonly hook: string;
  /** `nat/KUBE-SERVICES`, `routing`, `ipvs`. */
  readonly where: string;
  /** In its kernel's syntax. */
  readonly rule: string;
  readonly effect: string;
  /** Whether its conditions held; a trace of everything has the others too. */
  readonly matched: boolean;
  /** For how long the client's further connections go where this step sends it; absent: each is chosen anew. */
  readonly sticksSeconds?: number;
}

/** An address, with its port where the protocol has any. */
export interface Endpoint extends SocketAddr {
  /** The kernel chooses one of these by chance. */
  readonly ports?: Ports;
}

/** What becomes of the first answer, and what the client sees of it. */
export interface WayBack {
  /** `pass` where the answer reaches the client. */
  readonly verdict: PacketVerdict;
  /** As the client sees it. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** What stopped it, in words; empty: nothing. */
  readonly by: string;
}

/** What becomes of a packet on one way through the rules. */
export interface PacketEnd {
  readonly verdict: PacketVerdict;
  /** Where it goes in the end. */
  readonly to: Endpoint;
  /** Who it comes from, as whoever gets it sees it. */
  readonly source: Endpoint;
  /** The interface that it leaves by; empty: none. */
  readonly device: string;
  /** What ended it, in words; empty where it just went on. */
  readonly by: string;
  /** How many rules and entries were passed. */
  readonly passed: number;
  readonly path: readonly PathStep[];
  readonly back?: WayBack;
  readonly assumptions: readonly string[];
}

/** One thing that may become of a packet. */
export interface PacketOutcome extends PacketEnd {
  /** What the rules mean: 1/3. */
  readonly probability: Fraction;
  /** What their numbers say: 715827883/2147483648. */
  readonly exact: Fraction;
  /** Of `undecided`: what nobody can tell, and what becomes of the packet either way. */
  readonly doubt?: Doubt;
  readonly ways?: { readonly holds: readonly PacketOutcome[]; readonly fails: readonly PacketOutcome[] };
}
