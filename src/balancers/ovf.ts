import { usable } from "./backend-set.ts";
import { bestFirst, bestFirstWords } from "./best-first.ts";
import { define } from "./definition.ts";

/**
 * Weighted overflow: the heaviest backend that is not full; the first in the list (the newest) wins ties. If all are
 * full, the flow is refused.
 *
 * A backend counts as full only once it has more active connections than its weight, so it gets weight + 1 of them: one
 * of weight 3 has four when the next one begins. Inactive connections do not count, so UDP never overflows.
 *
 * O(1), a change O(log n). Source: Linux net/netfilter/ipvs/ip_vs_ovf.c, which scans the list.
 */
export const ovf = define("ovf", {}, () => ({
  stateWords: bestFirstWords,
  create(set, state) {
    const { active, weight, age } = set;
    const before = (a: number, b: number): boolean =>
      weight[a] === weight[b] ? age[a]! > age[b]! : weight[a]! > weight[b]!;
    const admits = (slot: number): boolean => usable(set, slot) && active[slot]! <= weight[slot]!;
    return {
      algorithm: "ovf",
      ...bestFirst(
        set,
        state,
        before,
        {
          rule: "the largest weight among those with no more active connections than their weight; of equal ones the newest",
          value: (slot) => weight[slot]!,
          meaning: "weight",
        },
        admits,
      ),
    };
  },
}));
