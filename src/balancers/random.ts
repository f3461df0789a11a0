import { type Algorithm, NO_BACKEND, unconcerned } from "./balancer.ts";

/**
 * Uniform random among the backends of weight above 0, one draw a pick. Weights count only as 0 or not 0.
 *
 * O(n). It is what nftables' `numgen random` does; the iptables mode's chain of probabilities is a walk through its
 * rules, not a balancer.
 */
export const random: Algorithm = {
  name: "random",
  stateWords: () => 0,
  create({ capacity, next, weight }, _state, source) {
    return {
      ...unconcerned,
      algorithm: "random",
      pick() {
        let usable = 0;
        for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) if (weight[slot]! > 0) usable += 1;
        if (usable === 0) return NO_BACKEND;
        let skip = source.below(usable);
        let slot = next[capacity]!;
        while (weight[slot] === 0 || skip-- > 0) slot = next[slot]!;
        return slot;
      },
    };
  },
};
