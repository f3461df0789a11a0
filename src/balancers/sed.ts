import { type Algorithm, NO_BACKEND, unconcerned } from "./balancer.ts";

/**
 * Shortest expected delay: the smallest (active + 1) / weight; the first in the list (the newest backend) wins ties.
 * Inactive connections do not count, so every UDP flow goes to the first of the heaviest backends.
 *
 * O(n). Source: Linux net/netfilter/ipvs/ip_vs_sed.c.
 */
export const sed: Algorithm = {
  name: "sed",
  stateWords: () => 0,
  create({ capacity, next, weight, active }) {
    return {
      ...unconcerned,
      algorithm: "sed",
      pick() {
        let best = NO_BACKEND;
        for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) {
          if (weight[slot] === 0) continue;
          // a/wa < b/wb ⇔ a·wb < b·wa: exact, both products stay below 2⁵³.
          if (best === NO_BACKEND || (active[slot]! + 1) * weight[best]! < (active[best]! + 1) * weight[slot]!) {
            best = slot;
          }
        }
        return best;
      },
    };
  },
};
