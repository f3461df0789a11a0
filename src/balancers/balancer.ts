import type { Random } from "../core/random.ts";
import type { Flow } from "../net/flow.ts";
import type { BackendSet } from "./backend-set.ts";

/** No backend may take this flow. */
export const NO_BACKEND = -1;

/**
 * Picks the backend of a new flow. It keeps everything that changes in the `state` it was made with, so that
 * several threads can each have one over the same memory; whoever calls it holds the lock of that memory.
 *
 * Whoever runs connections writes the counts of the set and then says so, and whoever changes the list says so in
 * the order given with each method.
 */
export interface Balancer {
  /** The name under which the registry knows it. */
  readonly algorithm: string;
  /** A slot of the set, or NO_BACKEND. Allocates nothing. Never called for a flow that is known already. */
  pick(flow: Flow): number;
  /** After the counts of a slot changed: a connection opened, went inactive, was forgotten. */
  loadChanged(slot: number): void;
  /** After a slot was linked into the list. */
  added(slot: number): void;
  /** Before a slot is unlinked. */
  removing(slot: number): void;
  /** After the weight of a slot was written, also when it is what it was. */
  reweighted(slot: number): void;
}

/** An algorithm as the registry holds it: how much state it needs, and how it is made. */
export interface Algorithm {
  readonly name: string;
  /** 32-bit words of state for a set of this capacity. State starts as zeros. */
  stateWords(capacity: number): number;
  /** Lays a balancer over a set and its state; both may already be in use by other threads. */
  create(set: BackendSet, state: Int32Array, random: Random): Balancer;
}

/** The hooks of an algorithm that need not be told anything. */
export const unconcerned = Object.freeze({
  loadChanged() {},
  added() {},
  removing() {},
  reweighted() {},
});
