import { bestFirst, bestFirstWords } from "./best-first.ts";
import { define } from "./definition.ts";

/**
 * Weighted fail-over: the heaviest usable backend, whatever its load; the first in the list (the newest) wins ties.
 *
 * O(1), a change O(log n). Source: Linux net/netfilter/ipvs/ip_vs_fo.c, which scans the list.
 */
export const fo = define("fo", {}, () => ({
  stateWords: bestFirstWords,
  create(set, state) {
    const { weight, age } = set;
    const before = (a: number, b: number): boolean =>
      weight[a] === weight[b] ? age[a]! > age[b]! : weight[a]! > weight[b]!;
    return {
      algorithm: "fo",
      ...bestFirst(set, state, before, {
        rule: "the largest weight; of equal ones the newest",
        value: (slot) => weight[slot]!,
        meaning: "weight",
      }),
    };
  },
}));
