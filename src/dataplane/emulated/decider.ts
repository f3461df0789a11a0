import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import type { Flow, SocketAddr } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";
import type { BackendPool } from "./backend-pool.ts";

/** What a program's decisions rest on and change: the emulated dataplane has it to itself, workers share it. */
export interface DecisionState {
  readonly random: Random;
  readonly clock: Clock;
  readonly recent: RecentLists;
  /**
   * The pool of a virtual server (`10.96.0.1:80/TCP`, `[fd00::1]:53/UDP`) or of a userspace forward (its name), with
   * the address behind each slot. Undefined when the program has no such service.
   */
  pool(key: string): ServicePool | undefined;
}

export interface ServicePool {
  readonly pool: BackendPool;
  /** By slot; undefined for a slot that no endpoint stands in. One that was just removed may still be named. */
  readonly addrs: readonly (SocketAddr | undefined)[];
}

/** The lists of `-m recent`: which source addresses were seen, and when. */
export interface RecentLists {
  /** Whether the source was remembered in this list at most `seconds` ago. */
  seen(list: string, source: Ip, nowMs: number, seconds: number): boolean;
  /** @param seconds how long anybody will ask for it. */
  remember(list: string, source: Ip, nowMs: number, seconds: number): void;
}

/** A rule or entry that a packet met, for a trace. */
export interface Step {
  /** `nat/KUBE-SERVICES`, `ipvs`, `userspace`. */
  readonly where: string;
  /** The rule in its kernel's syntax. */
  readonly rule: string;
  /** Whether its conditions held. */
  readonly matched: boolean;
  /** What came of it: `jump KUBE-SVC-…`, `continue`; empty: nothing. */
  readonly effect: string;
  /** How likely the rule's random condition holds, 0…1; absent for a rule that does not draw. */
  readonly probability?: number;
}

/** Looks on while a flow is decided. */
export interface Watch {
  /** A rule or entry was met, before anything comes of it. Costs the making of its text. */
  step?(step: Step): void;
  /** A random condition is about to be drawn. @param probability that it holds, 0…1. */
  drawing?(probability: number): void;
}

/** The decision on a flow's first packet. */
export type FlowDecision =
  | {
      readonly verdict: "forward";
      readonly to: SocketAddr;
      readonly masquerade: boolean;
      readonly steps: number;
      /** Where the connection is counted, in the modes that count: say so when it ends. */
      readonly counted?: { readonly pool: BackendPool; readonly slot: number };
    }
  | { readonly verdict: "drop" | "reject" | "pass"; readonly steps: number };

/** A program made ready to decide, over its state. */
export interface Decider {
  /**
   * Decides the first packet of a flow; never called for a flow that is known already.
   *
   * @param attempt 0 at first; n for the n-th further try after an endpoint failed. Only the userspace mode tries again.
   * @param watch is told every rule and entry on the way.
   */
  decide(flow: Flow, attempt: number, watch?: Watch): FlowDecision;
}
