import { holds, listed, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { tournament, tournamentWords } from "./tournament.ts";

/**
 * Smooth weighted round robin: before each pick every usable backend's current weight grows by its weight; the largest
 * current weight is picked, the first in the list (the newest) of equal ones, and shrinks by the sum of all weights.
 * Weights 5, 1, 1 give a a b a c a a. A new backend starts from 0; one that cannot be picked for a while keeps its
 * current weight as it is.
 *
 * nginx grows and compares all n each time. Here the current weights are lines over time, and a kinetic tournament says
 * which is on top: O(log n) a pick where weights are equal, in the long run O(log² n) at most, and the very same picks.
 * Every change is O(log n).
 *
 * Source: nginx's upstream round robin (ngx_http_upstream_get_peer), without its lowering of weights after failures.
 * The tournament: Basch, Guibas and Hershberger, "Data structures for mobile data", SODA 1997.
 */
export const smoothWrr = define("smooth-wrr", {}, () => ({
  stateWords: tournamentWords,
  create(set, state) {
    const { weight, age } = set;
    const lines = tournament(set.capacity, state, (a, b) => age[a]! > age[b]!);
    const changed = (slot: number): void =>
      lines.setSlope(slot, holds(set, slot) && usable(set, slot) ? weight[slot]! : 0);
    return {
      algorithm: "smooth-wrr",
      pick() {
        const slot = lines.tick();
        if (slot !== NO_BACKEND) lines.lower(slot);
        return slot;
      },
      loadChanged: changed,
      added(slot) {
        lines.reset(slot);
        changed(slot);
      },
      removing: (slot) => lines.setSlope(slot, 0),
      reweighted: changed,
      rebuild: () => lines.rebuild((slot) => (holds(set, slot) && usable(set, slot) ? weight[slot]! : 0)),
      explain() {
        const candidates = listed(set)
          .filter((slot) => usable(set, slot))
          .map((slot) => ({
            slot,
            value: lines.heightOf(slot) + weight[slot]!,
            meaning: "current weight, with the weight that it grows by",
          }));
        const best = candidates.reduce((best, one) => Math.max(best, one.value), -Infinity);
        return {
          slot: candidates.find(({ value }) => value === best)?.slot ?? NO_BACKEND,
          rule: "the largest current weight; of equal ones the newest",
          candidates,
        };
      },
    };
  },
}));
