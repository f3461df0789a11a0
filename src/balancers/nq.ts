import { bestFirst, bestFirstWords } from "./best-first.ts";
import { define } from "./definition.ts";

/**
 * Never queue: the first backend in the list (the newest) without an active connection, whatever its weight; if there
 * is none, the one that `sed` gives. Inactive connections do not count, so every UDP flow goes to the newest backend.
 *
 * O(1), a change O(log n). Source: Linux net/netfilter/ipvs/ip_vs_nq.c, which scans the list.
 */
export const nq = define("nq", {}, () => ({
  stateWords: bestFirstWords,
  create(set, state) {
    const { active, weight, age } = set;
    /** 0 for every idle backend: they tie. */
    const delay = (slot: number): number => (active[slot] === 0 ? 0 : active[slot]! + 1);
    const before = (a: number, b: number): boolean => {
      // As in sed: exact, both products stay below 2⁵³.
      const difference = delay(a) * weight[b]! - delay(b) * weight[a]!;
      return difference === 0 ? age[a]! > age[b]! : difference < 0;
    };
    return {
      algorithm: "nq",
      ...bestFirst(set, state, before, {
        rule: "the newest one without active connections, else the smallest expected delay; of equal ones the newest",
        value: (slot) => delay(slot) / weight[slot]!,
        meaning: "0 without active connections, else (active + 1) / weight",
      }),
    };
  },
}));
