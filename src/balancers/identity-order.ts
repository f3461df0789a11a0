import { type BackendSet, listed } from "./backend-set.ts";
import { absorb } from "./murmur3.ts";

/**
 * The listed slots of weight above 0 in an order that depends on who they are alone, not on slots or on the list: so
 * that balancers on different hosts build the same table. Backends that say they are the same: the oldest first.
 * O(n log n).
 */
export function byIdentity(set: BackendSet): number[] {
  return listed(set)
    .filter((slot) => set.weight[slot]! > 0)
    .sort((a, b) => compareIdentities(set, a, b));
}

/** Below 0 if slot a stands before slot b. */
export function compareIdentities({ identityLow, identityHigh, age }: BackendSet, a: number, b: number): number {
  return identityHigh[a]! - identityHigh[b]! || identityLow[a]! - identityLow[b]! || age[a]! - age[b]!;
}

/** Takes who a slot is into a hash: two words. */
export function absorbIdentity({ identityLow, identityHigh }: BackendSet, hash: number, slot: number): number {
  return absorb(absorb(hash, identityLow[slot]!), identityHigh[slot]!);
}
