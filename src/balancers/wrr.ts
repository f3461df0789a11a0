import { holds, listed, usable } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { define } from "./definition.ts";
import { largest, listTree, listTreeWords } from "./list-tree.ts";

/** State word 0: the slot picked last, plus 1; 0 stands for the head of the list. */
const CURSOR = 0;
/** State word 1: the weight that a backend must have in the present pass along the list. */
const CURRENT = 1;
const TREE = 2;
/** What the tree knows: the largest usable weight, the largest of all weights, their greatest common divisor. */
const USABLE = 0;
const LARGEST = 1;
const DIVISOR = 2;

/**
 * Weighted round robin: pass after pass along the list, each one for the backends that have at least a certain weight:
 * first the largest, then each time less by the greatest common divisor of all weights. So the heavy ones come in
 * bursts: a, b and c of weights 1, 2 and 3, added in this order, give c b a c c b, again and again.
 *
 * Every add, removal and edit, also one that changes nothing, puts the place back to the head of the list, but leaves
 * the pass. Backends that are added one by one are so all met by the first pass, whatever their weights: 5, 1 and 1
 * begin with one flow each. And a list that is edited more often than it is walked through knows no weights.
 *
 * O(log n), as is every change; passes that nobody can meet are skipped.
 * Source: Linux net/netfilter/ipvs/ip_vs_wrr.c, which walks the list pass by pass.
 */
export const wrr = define("wrr", {}, () => ({
  stateWords: (capacity) => TREE + listTreeWords(capacity, 3),
  create(set, state) {
    const { capacity, weight } = set;
    const tree = listTree(set, state.subarray(TREE), [
      { of: (slot) => (usable(set, slot) ? weight[slot]! : 0), join: largest },
      { of: (slot) => weight[slot]!, join: largest },
      { of: (slot) => weight[slot]!, join: divisor },
    ]);
    const cursor = (): number => (state[CURSOR] === 0 ? capacity : state[CURSOR]! - 1);
    const step = (): number => Math.max(tree.total(DIVISOR), 1);
    /** Of the first pass. The steps down from there end at 1. */
    const top = (): number => tree.total(LARGEST) - (step() - 1);

    const settle = (): void => {
      const current = state[CURRENT]!;
      if (current === 0 || current > top()) state[CURRENT] = top();
      else if (step() > 1) state[CURRENT] = current - (current % step()) + 1;
    };
    const restart = (): void => {
      state[CURSOR] = 0;
      settle();
    };
    /** The next pass that anybody can meet. */
    const nextPass = (): number => {
      const below = state[CURRENT]! - step();
      const next = below > 0 ? below : top();
      const tooMuch = next - tree.total(USABLE);
      return tooMuch > 0 ? next - Math.ceil(tooMuch / step()) * step() : next;
    };
    /** The kernel gives up at the end of a pass at weight 1, and where that began in the middle of the list, there. */
    const giveUp = (): number => {
      if (state[CURSOR] !== 0 && state[CURRENT]! <= step()) return NO_BACKEND;
      state[CURSOR] = 0;
      state[CURRENT] = top();
      return NO_BACKEND;
    };
    return {
      algorithm: "wrr",
      pick() {
        if (tree.total(USABLE) === 0) return top() === 0 ? NO_BACKEND : giveUp();
        let slot = tree.firstFrom(cursor(), state[CURRENT]!);
        if (slot === NO_BACKEND) {
          state[CURRENT] = nextPass();
          slot = tree.firstFrom(capacity, state[CURRENT]!);
        }
        state[CURSOR] = slot + 1;
        return slot;
      },
      loadChanged: tree.loadChanged,
      added(slot) {
        tree.added(slot);
        restart();
      },
      removing(slot) {
        tree.removing(slot);
        restart();
      },
      reweighted(slot) {
        tree.changed(slot);
        restart();
      },
      rebuild() {
        tree.rebuild();
        if (!holds(set, cursor())) state[CURSOR] = 0;
        settle();
      },
      explain() {
        const slots = listed(set).filter((slot) => usable(set, slot));
        const same = tree.firstFrom(cursor(), state[CURRENT]!);
        const pass = same === NO_BACKEND && slots.length > 0 ? nextPass() : state[CURRENT]!;
        const slot = slots.length === 0 ? NO_BACKEND : same === NO_BACKEND ? tree.firstFrom(capacity, pass) : same;
        return {
          slot,
          rule: `the next usable one of weight ${pass} or more behind the one picked last`,
          candidates: slots.map((slot) => ({ slot, value: weight[slot]!, meaning: "weight" })),
        };
      },
    };
  },
}));

/** Euclid's. */
function divisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
