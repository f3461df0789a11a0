import { usable } from "./backend-set.ts";
import { NO_BACKEND, unconcerned } from "./balancer.ts";
import { define } from "./definition.ts";

/** State word 0: the slot picked last, plus 1; 0 stands for the head of the list. */
const CURSOR = 0;

/**
 * Round robin: the next usable backend behind the one picked last. Weights count only as 0 or not 0.
 *
 * A pick that finds nobody leaves the cursor; removing the backend under the cursor moves it back to the one before,
 * so that nobody is skipped; adding at the head does not move it.
 *
 * O(1); O(n) past backends of weight 0. Source: Linux net/netfilter/ipvs/ip_vs_rr.c.
 */
export const rr = define("rr", {}, () => ({
  stateWords: () => 1,
  create(set, state) {
    const { capacity, next, prev } = set;
    const cursor = (): number => (state[CURSOR] === 0 ? capacity : state[CURSOR]! - 1);
    const following = (): number => {
      const start = cursor();
      let slot = start;
      do {
        slot = next[slot]!;
        if (slot !== capacity && usable(set, slot)) return slot;
      } while (slot !== start);
      return NO_BACKEND;
    };
    return {
      ...unconcerned,
      algorithm: "rr",
      pick() {
        const slot = following();
        if (slot !== NO_BACKEND) state[CURSOR] = slot + 1;
        return slot;
      },
      removing(slot) {
        if (cursor() === slot) state[CURSOR] = prev[slot] === capacity ? 0 : prev[slot]! + 1;
      },
      explain() {
        const last = cursor();
        const candidates = last === capacity ? [] : [{ slot: last, value: 0, meaning: "picked last" }];
        return { slot: following(), rule: "the next usable one behind the one picked last", candidates };
      },
    };
  },
}));
