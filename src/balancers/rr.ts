import { holds, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { usableTree, usableTreeWords } from "./usable-tree.ts";

/** State word 0: the slot picked last, plus 1; 0 stands for the head of the list. The tree lies behind it. */
const CURSOR = 0;
const TREE = 1;

/**
 * Round robin: the next usable backend behind the one picked last. Weights count only as 0 or not 0.
 *
 * A pick that finds nobody leaves the cursor; removing the backend under the cursor moves it back to the one before,
 * so that nobody is skipped; adding at the head does not move it.
 *
 * O(1); O(log n) past backends that are not usable, and to add, remove or overload one.
 * Source: Linux net/netfilter/ipvs/ip_vs_rr.c.
 */
export const rr = define("rr", {}, () => ({
  stateWords: (capacity) => TREE + usableTreeWords(capacity),
  create(set, state) {
    const { capacity, next, prev } = set;
    const tree = usableTree(set, state.subarray(TREE));
    const cursor = (): number => (state[CURSOR] === 0 ? capacity : state[CURSOR]! - 1);
    const following = (): number => {
      const last = cursor();
      const slot = next[last]!;
      if (slot !== capacity && usable(set, slot)) return slot;
      const further = tree.firstFrom(last, 1);
      return further === NO_BACKEND ? tree.firstFrom(capacity, 1) : further;
    };
    return {
      algorithm: "rr",
      pick() {
        const slot = following();
        if (slot !== NO_BACKEND) state[CURSOR] = slot + 1;
        return slot;
      },
      loadChanged: tree.loadChanged,
      added: tree.added,
      reweighted: tree.changed,
      removing(slot) {
        tree.removing(slot);
        if (cursor() === slot) state[CURSOR] = prev[slot] === capacity ? 0 : prev[slot]! + 1;
      },
      rebuild() {
        tree.rebuild();
        if (!holds(set, cursor())) state[CURSOR] = 0;
      },
      explain() {
        const last = cursor();
        const candidates = last === capacity ? [] : [{ slot: last, value: 0, meaning: "picked last" }];
        return { slot: following(), rule: "the next usable one behind the one picked last", candidates };
      },
    };
  },
}));
