import type { SocketAddr, TCP, UDP } from "../../net/flow.ts";
import type { ForwardingPolicy } from "./policy.ts";

/** A socket that takes new flows. */
export interface ListenerSpec {
  /** Chosen by the control thread; never used twice. */
  readonly id: number;
  readonly proto: typeof TCP | typeof UDP;
  /** Port 0: the host chooses one. */
  readonly at: SocketAddr;
  readonly reusePort: boolean;
  /** No worker listens there yet: whoever does is somebody else, also if with `reusePort` the host would let us in. */
  readonly first: boolean;
  /** Listeners of one service port: where connections are served one at a time, they wait for each other. */
  readonly group: string;
  /** Rules of the kernel redirect connections here: each asks with its original destination. TCP; absent: no. */
  readonly transparent?: boolean;
  /** A socket of the addon's that listens at `at` already: the engine takes a copy. Absent: it opens its own. */
  readonly fd?: number;
}

/** What came of opening a listener. */
export type ListenerResult =
  | { readonly id: number; readonly bound: SocketAddr }
  | { readonly id: number; readonly failure: string };

/** A flow that asks for an endpoint. */
export interface NewFlow {
  /** The engine's number for it: small, given to another flow after this one has ended. */
  readonly slot: number;
  readonly listener: number;
  readonly client: SocketAddr;
  /** 0 at first; n for the n-th further try. */
  readonly attempt: number;
  /** Of a transparent listener: where the client connected to, before it was redirected. */
  readonly destination?: SocketAddr;
}

/** Where a flow goes. `refuse` answers as the policy says; `discard` takes what comes and answers nothing. */
export type Route =
  | { readonly kind: "forward"; readonly to: SocketAddr }
  | { readonly kind: "refuse" }
  | { readonly kind: "discard" };

/**
 * What became of a flow that was forwarded. TCP: `closing` at the first FIN of either side, then `closed` when both
 * sides have ended, or `reset` after a RST or a refusal, at any time. UDP: `expired`.
 */
export interface FlowChange {
  readonly slot: number;
  readonly became: "closing" | "closed" | "reset" | "expired";
}

/** Whom an engine asks and tells: in batches, once a turn of its loop, changes before new flows. */
export interface FlowRouter {
  changed(changes: readonly FlowChange[]): void;
  /** @returns one route for each flow, in their order. */
  route(flows: readonly NewFlow[]): readonly Route[];
}

/**
 * Moves bytes between clients and endpoints, for one worker thread. It knows sockets, not services: where a flow goes
 * it asks its router.
 */
export interface Engine {
  /** Opens listeners; never rejects, each says for itself how it went. */
  open(listeners: readonly ListenerSpec[]): Promise<readonly ListenerResult[]>;
  /** Closes listeners, and the UDP flows that answer through them; TCP connections go on. */
  close(ids: readonly number[]): void;
  /** For flows that begin from now on. */
  use(policy: ForwardingPolicy): void;
  /** From here to `release` new flows are accepted and wait. */
  hold(): void;
  release(): void;
  /** Ends UDP flows: their next datagram is a new flow. */
  expire(slots: readonly number[]): void;
  /**
   * Closes all listeners, and waits until no TCP connection is left.
   *
   * @returns how many connections were still open at the deadline, and had to be reset.
   */
  drain(deadlineMs: number): Promise<number>;
  /** Closes everything at once. */
  stop(): void;
}
