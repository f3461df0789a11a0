import { type Algorithm, NO_BACKEND, unconcerned } from "./balancer.ts";

/** How much an active connection weighs against an inactive one: 256 more, since it is counted in the total as well. */
const ACTIVE_OVERHEAD = 257;

/**
 * Least connection: the smallest 257 × active + inactive; the first in the list (the newest backend) wins ties.
 * Weights count only as 0 or not 0.
 *
 * O(n). Source: Linux net/netfilter/ipvs/ip_vs_lc.c with the overhead of kernels from 6.1.192 on, which count an
 * active connection in the total too (256 × active + total).
 */
export const lc: Algorithm = {
  name: "lc",
  stateWords: () => 0,
  create({ capacity, next, weight, active, inactive }) {
    return {
      ...unconcerned,
      algorithm: "lc",
      pick() {
        let best = NO_BACKEND;
        let least = Infinity;
        for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) {
          if (weight[slot] === 0) continue;
          const overhead = ACTIVE_OVERHEAD * active[slot]! + inactive[slot]!;
          if (overhead >= least) continue;
          best = slot;
          least = overhead;
        }
        return best;
      },
    };
  },
};
