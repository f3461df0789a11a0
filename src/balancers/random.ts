import { listed, usable } from "./backend-set.ts";
import { NO_BACKEND, unconcerned } from "./balancer.ts";
import { define } from "./definition.ts";

/**
 * Uniform random among the backends of weight above 0, one draw a pick. Weights count only as 0 or not 0.
 *
 * O(n). It is what nftables' `numgen random` does; the iptables mode's chain of probabilities is a walk through its
 * rules, not a balancer.
 */
export const random = define("random", {}, () => ({
  stateWords: () => 0,
  create(set, _state, source) {
    const { capacity, next } = set;
    return {
      ...unconcerned,
      algorithm: "random",
      pick() {
        let choices = 0;
        for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) if (usable(set, slot)) choices += 1;
        if (choices === 0) return NO_BACKEND;
        let skip = source.below(choices);
        let slot = next[capacity]!;
        while (!usable(set, slot) || skip-- > 0) slot = next[slot]!;
        return slot;
      },
      explain() {
        const slots = listed(set).filter((slot) => usable(set, slot));
        return {
          slot: slots.length === 0 ? NO_BACKEND : undefined,
          rule: "chance: all usable ones are as likely",
          candidates: slots.map((slot) => ({ slot, value: 1 / slots.length, meaning: "chance" })),
        };
      },
    };
  },
}));
