import { bestFirst, bestFirstWords } from "./best-first.ts";
import { define } from "./definition.ts";

/**
 * Shortest expected delay: the smallest (active + 1) / weight; the first in the list (the newest backend) wins ties.
 * Inactive connections do not count, so every UDP flow goes to the first of the heaviest backends.
 *
 * O(1), a change O(log n). Source: Linux net/netfilter/ipvs/ip_vs_sed.c, which scans the list.
 */
export const sed = define("sed", {}, () => ({
  stateWords: bestFirstWords,
  create(set, state) {
    const { active, weight, age } = set;
    const before = (a: number, b: number): boolean => {
      // d/w < e/v ⇔ d·v < e·w for weights above 0: exact, both products stay below 2⁵³.
      const difference = (active[a]! + 1) * weight[b]! - (active[b]! + 1) * weight[a]!;
      return difference === 0 ? age[a]! > age[b]! : difference < 0;
    };
    return {
      algorithm: "sed",
      ...bestFirst(set, state, before, {
        rule: "the smallest expected delay; of equal ones the newest",
        value: (slot) => (active[slot]! + 1) / weight[slot]!,
        meaning: "(active + 1) / weight",
      }),
    };
  },
}));
