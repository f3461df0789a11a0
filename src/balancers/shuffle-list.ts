import type { Random } from "../core/random.ts";
import { type BackendSet, linkFirst, listed, unlink } from "./backend-set.ts";
import type { Balancer } from "./balancer.ts";

/**
 * Links all listed slots anew in a random order, every order as likely, and says so to the balancer; all else of a slot
 * stays. It is what kube-proxy's userspace mode does whenever its set of endpoints changes. O(n), and the hooks.
 */
export function shuffleList(set: BackendSet, balancer: Balancer, random: Random): void {
  const slots = listed(set);
  // From the head on, so that a cursor falls back to the head.
  for (const slot of slots) {
    balancer.removing(slot);
    unlink(set, slot);
  }
  for (const slot of shuffle(slots, random)) {
    linkFirst(set, slot, set.weight[slot]!, { low: set.identityLow[slot]!, high: set.identityHigh[slot]! });
    balancer.added(slot);
  }
}

/** Fisher and Yates. */
function shuffle(slots: number[], random: Random): number[] {
  for (let last = slots.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [slots[last], slots[other]] = [slots[other]!, slots[last]!];
  }
  return slots;
}
