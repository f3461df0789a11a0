import { type BackendSet, holds, usable } from "./backend-set.ts";

/** Whether a slot may take new flows, in words. */
export function standing(set: BackendSet, slot: number): string {
  if (!holds(set, slot)) return "removed";
  if (usable(set, slot)) return "may take new flows";
  return set.weight[slot] === 0 ? "weight 0" : "overloaded";
}
