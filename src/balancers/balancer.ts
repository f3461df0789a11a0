import type { Random } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import type { BackendSet } from "./backend-set.ts";
import type { Explanation } from "./explanation.ts";

/** No backend may take this flow. */
export const NO_BACKEND = -1;

/**
 * Picks the backend of a new flow. It keeps everything that changes in the `state` it was made with, so that
 * several threads can each have one over the same memory; whoever calls it holds the lock of that memory.
 *
 * Whoever runs connections writes the counts of the set, whoever edits the list changes the list, and both say so
 * change by change, in the order given with each method: then a pick need not look at every backend.
 */
export interface Balancer {
  /** The name under which the registry knows it. */
  readonly algorithm: string;
  /**
   * A slot of the set, or NO_BACKEND. Allocates nothing. Never called for a flow that is known already.
   *
   * @param nowMs the time of the pick, on the one clock that all threads share.
   */
  pick(flow: Flow, nowMs: number): number;
  /**
   * After the counts of a slot changed: a connection opened, went inactive, was forgotten. Also for a slot that is no
   * longer in the list but still has connections; nothing comes of that.
   */
  loadChanged(slot: number): void;
  /** After a slot was linked into the list. */
  added(slot: number): void;
  /** Before a slot is unlinked. */
  removing(slot: number): void;
  /** After the weight of a slot was written, also when it is what it was. */
  reweighted(slot: number): void;
  /**
   * A flow to a slot is over. Only algorithms that go by latency have this; others take no notice.
   *
   * @param latencyMs how long it took, at least 0.
   * @param failed whether it failed.
   */
  observed?(slot: number, latencyMs: number, nowMs: number, failed: boolean): void;
  /**
   * A backend answered a probe. Only algorithms that go by probes have this; others take no notice.
   *
   * @param slot a listed one.
   * @param inFlight requests that the backend says it is serving, whoever sent them, at least 0.
   * @param latencyMs what it says a request takes, at least 0.
   */
  probed?(slot: number, inFlight: number, latencyMs: number, nowMs: number): void;
  /**
   * Makes anew what it derives from list, weights and counts, and keeps the rest, such as its place in the list: after
   * it was laid over fresh state on a list that holds backends already, and after a thread died in the middle of a
   * change. O(n log n) at most.
   */
  rebuild(): void;
  /** Why a pick for this flow would give what it gives now. Changes nothing, and draws nothing. For people: O(n). */
  explain(flow: Flow, nowMs: number): Explanation;
}

/** An algorithm with its options: how much state it needs, and how it is made. */
export interface Algorithm {
  /** The name under which the registry knows it. */
  readonly name: string;
  /** The options that it was made with, defaults filled in; plain data. */
  readonly options: object;
  /**
   * 32-bit words of state for a set of this capacity. State starts as zeros, on a multiple of 8 bytes. Nothing in it
   * depends on the capacity: at the front of longer zeroed state it serves a larger set with the same slots.
   */
  stateWords(capacity: number): number;
  /** Lays a balancer over a set and its state; both may already be in use by other threads. */
  create(set: BackendSet, state: Int32Array, random: Random): Balancer;
}

/** The hooks of an algorithm that need not be told anything and derives nothing. */
export const unconcerned = Object.freeze({
  loadChanged() {},
  added() {},
  removing() {},
  reweighted() {},
  rebuild() {},
});
