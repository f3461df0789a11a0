import { type BackendSet, holds } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";

/** A figure of every run of the list. */
export interface Fold {
  /** Of one listed slot: a whole number in 0…2³² − 1. */
  of(slot: number): number;
  /** Of two runs together. Where it does not matter in which order they stand, and an empty run's 0 changes nothing. */
  join(a: number, b: number): number;
}

export const sum = (a: number, b: number): number => a + b;
export const largest = (a: number, b: number): number => (a > b ? a : b);

/**
 * The list as the leaves of a binary tree whose nodes know a figure of all below them, in shared state: it finds a slot
 * by its figure without a walk along the list. Every change must be said.
 */
export interface ListTree {
  /** The figure of the whole list. O(1). @param fold which one, by its place among the folds. */
  total(fold: number): number;
  /**
   * The first slot behind another one whose first figure is at least so large; for a first fold that joins by `largest`
   * or, to tell 0 from more, by `sum`. O(log n).
   *
   * @param behind a listed slot, or the capacity of the set: the head of the list.
   * @param figure at least 1.
   * @returns NO_BACKEND if there is none up to the end of the list.
   */
  firstFrom(behind: number, figure: number): number;
  /**
   * The first slot up to which the first figures of the list sum up to at least so much; for a first fold that joins by
   * `sum`. O(log n).
   *
   * @param figure 1…`total(0)`.
   */
  atSum(figure: number): number;
  /**
   * The same for two figures, in little more time than for one: the two ways down do not wait for each other.
   *
   * @param figures both of them; each is replaced by its slot.
   */
  atSums(figures: Int32Array): void;
  /** After a slot was linked. O(log n), but O(n) for the first one after the capacity grew. */
  added(slot: number): void;
  /** Before a slot is unlinked. O(log n). */
  removing(slot: number): void;
  /** After what a figure is made of changed; also for a slot that is not in the list. O(log n), O(1) if none changed. */
  changed(slot: number): void;
  /**
   * After the counts of a slot changed, for a first figure that they can change by an overload and not otherwise, and for
   * further ones that they cannot change.
   */
  loadChanged(slot: number): void;
  /** O(n). */
  rebuild(): void;
}

/** Word 0: how many leaves there are, a power of two; word 1: the lowest leaf in use. Newer slots go to lower leaves. */
const LEAVES = 0;
const LOWEST = 1;
/**
 * Slots that leave the list leave holes. Where few leaves are left below, a pass from the highest leaf down moves all
 * others up into them, some leaves each time a slot is added, so that no single one has to wait for it. Word 2: the leaf
 * that was looked at last; word 3: the leaf that was filled last, 0 between passes.
 */
const READ = 2;
const WRITTEN = 3;
const HEADER = 4;
/**
 * Leaves that are looked at each time. A pass begins below 1/4 of the leaves and takes a slot for each 8 of them. Slots
 * take up 2/3 of the leaves at most, and those that come meanwhile 1/8: more than 1/8 is free again afterwards, enough
 * for another pass.
 */
const STEPS = 8;
/** Nodes 2k and 2k + 1 are below node k; the last ones, as many as there are leaves, are the leaves. */
const ROOT = 1;

/** Words of state that a tree needs. @param folds how many. */
export function listTreeWords(capacity: number, folds: number): number {
  return HEADER + leavesFor(capacity) * (2 + 2 * folds);
}

/** Half as many again as slots at least, so that there is room for the holes. */
function leavesFor(capacity: number): number {
  let leaves = 8;
  while (leaves < capacity * 1.5) leaves *= 2;
  return leaves;
}

/** Lays a tree over its state. @param folds at least one. */
export function listTree(set: BackendSet, state: Int32Array, folds: readonly Fold[]): ListTree {
  // The layout follows the number of leaves, not the capacity: what lies in the state stays good in longer state.
  const leafOf = (slot: number): number => HEADER + slot;
  const slotAt = (leaf: number): number => HEADER + state[LEAVES]! + leaf;
  const nodesOf = (fold: number): number => HEADER + 2 * (1 + fold) * state[LEAVES]!;

  const write = (fold: number, leaf: number, figure: number): void => {
    const nodes = nodesOf(fold);
    const { join } = folds[fold]!;
    let node = state[LEAVES]! + leaf;
    let value = figure | 0;
    while (node >= ROOT && state[nodes + node] !== value) {
      state[nodes + node] = value;
      node >>= 1;
      value = join(state[nodes + 2 * node]! >>> 0, state[nodes + 2 * node + 1]! >>> 0) | 0;
    }
  };
  const put = (slot: number, leaf: number): void => {
    state[leafOf(slot)] = leaf;
    state[slotAt(leaf)] = slot;
  };
  const evaluate = (slot: number, count: number): void => {
    for (let fold = 0; fold < count; fold += 1) write(fold, state[leafOf(slot)]!, folds[fold]!.of(slot));
  };
  const joinAll = (fold: number): void => {
    const nodes = nodesOf(fold);
    const { join } = folds[fold]!;
    for (let node = state[LEAVES]! - 1; node >= ROOT; node -= 1) {
      state[nodes + node] = join(state[nodes + 2 * node]! >>> 0, state[nodes + 2 * node + 1]! >>> 0);
    }
  };
  const leaves = leavesFor(set.capacity);
  const rebuild = (): void => {
    const { capacity, prev } = set;
    state.fill(0, 0, listTreeWords(capacity, folds.length));
    state[LEAVES] = leaves;
    let leaf = leaves;
    for (let slot = prev[capacity]!; slot !== capacity; slot = prev[slot]!) {
      put(slot, (leaf -= 1));
      for (let fold = 0; fold < folds.length; fold += 1) state[nodesOf(fold) + leaves + leaf] = folds[fold]!.of(slot);
    }
    state[LOWEST] = leaf;
    for (let fold = 0; fold < folds.length; fold += 1) joinAll(fold);
  };
  const move = (slot: number, from: number, to: number): void => {
    for (let fold = 0; fold < folds.length; fold += 1) {
      const figure = state[nodesOf(fold) + leaves + from]! >>> 0;
      write(fold, from, 0);
      write(fold, to, figure);
    }
    put(slot, to);
  };
  /** Goes on with the pass that closes the holes, if there is one, or is to be one. */
  const closeHoles = (): void => {
    if (state[WRITTEN] === 0) {
      if (state[LOWEST]! >= leaves / 4) return;
      state[READ] = leaves;
      state[WRITTEN] = leaves;
    }
    for (let step = 0; step < STEPS; step += 1) {
      if (state[READ] === state[LOWEST]) {
        state[LOWEST] = state[WRITTEN]!;
        state[WRITTEN] = 0;
        return;
      }
      const from = (state[READ]! -= 1);
      const slot = state[slotAt(from)]!;
      // A slot that left may stand elsewhere by now.
      if (state[leafOf(slot)] !== from || !holds(set, slot)) continue;
      const to = (state[WRITTEN]! -= 1);
      if (to !== from) move(slot, from, to);
    }
  };
  /** The first leaf below a node, or below a later one, whose figure is large enough; −1 if there is none. */
  const search = (from: number, figure: number): number => {
    const nodes = nodesOf(0);
    let node = from;
    while (state[nodes + node]! >>> 0 < figure) {
      while ((node & 1) === 1) node >>= 1;
      if (node === 0) return -1;
      node += 1;
    }
    while (node < state[LEAVES]!) {
      node *= 2;
      if (state[nodes + node]! >>> 0 < figure) node += 1;
    }
    return node - state[LEAVES]!;
  };

  return {
    total: (fold) => state[nodesOf(fold) + ROOT]! >>> 0,
    firstFrom(behind, figure) {
      const leaf = behind === set.capacity ? -1 : state[leafOf(behind)]!;
      if (leaf + 1 === state[LEAVES]) return NO_BACKEND;
      const found = search(leaf < 0 ? ROOT : state[LEAVES]! + leaf + 1, figure);
      return found < 0 ? NO_BACKEND : state[slotAt(found)]!;
    },
    atSum(figure) {
      const nodes = nodesOf(0);
      const leaves = state[LEAVES]!;
      const small = state[nodes + ROOT]! >= 0;
      let rest = figure | 0;
      let node = ROOT;
      while (node < leaves) {
        node <<= 1;
        const left = state[nodes + node]!;
        const further = small ? (left - rest) >> 31 : ifBelow(left, rest);
        rest = (rest - (left & further)) | 0;
        node -= further;
      }
      return state[slotAt(node - leaves)]!;
    },
    atSums(figures) {
      const nodes = nodesOf(0);
      const leaves = state[LEAVES]!;
      const small = state[nodes + ROOT]! >= 0;
      let rest = figures[0]!;
      let otherRest = figures[1]!;
      let node = ROOT;
      let other = ROOT;
      while (node < leaves) {
        node <<= 1;
        other <<= 1;
        const left = state[nodes + node]!;
        const otherLeft = state[nodes + other]!;
        const further = small ? (left - rest) >> 31 : ifBelow(left, rest);
        const otherFurther = small ? (otherLeft - otherRest) >> 31 : ifBelow(otherLeft, otherRest);
        rest = (rest - (left & further)) | 0;
        otherRest = (otherRest - (otherLeft & otherFurther)) | 0;
        node -= further;
        other -= otherFurther;
      }
      figures[0] = state[slotAt(node - leaves)]!;
      figures[1] = state[slotAt(other - leaves)]!;
    },
    added(slot) {
      if (state[LEAVES]! < leaves) return rebuild();
      put(slot, (state[LOWEST]! -= 1));
      evaluate(slot, folds.length);
      closeHoles();
    },
    removing(slot) {
      for (let fold = 0; fold < folds.length; fold += 1) write(fold, state[leafOf(slot)]!, 0);
    },
    changed(slot) {
      if (holds(set, slot)) evaluate(slot, folds.length);
    },
    loadChanged(slot) {
      // Without a threshold there is no overload.
      if (set.upper[slot] !== 0 && holds(set, slot)) evaluate(slot, 1);
    },
    rebuild,
  };
}

/**
 * All ones where a < b as unsigned numbers, else 0: the borrow of a − b. A draw goes either way as often, so a processor
 * would guess every other branch wrong, which takes longer than all this. Of sums below 2³¹ the sign of a − b is enough.
 */
function ifBelow(a: number, b: number): number {
  return ((~a & b) | (~(a ^ b) & (a - b))) >> 31;
}
