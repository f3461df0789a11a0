import type { BackendSet } from "./backend-set.ts";
import { holds, listed, usable } from "./backend-set.ts";
import { type Balancer, NO_BACKEND } from "./balancer.ts";
import type { Explanation } from "./explanation.ts";

/** How `bestFirst` explains itself. */
export interface Ranking {
  readonly rule: string;
  /** The figure of a slot that the order is by. */
  value(slot: number): number;
  readonly meaning: string;
}

/** All of a balancer but its name; it does not look at flows. */
export interface BestFirst extends Omit<Balancer, "algorithm"> {
  pick(): number;
  explain(): Explanation;
}

/** Where the heap's words lie in a state that holds more than the heap. */
export interface HeapPlace {
  /** The word that counts the slots in the heap. */
  readonly size: number;
  /** The first word of slot 0; each slot has two. */
  readonly slots: number;
  /** Words from one slot's first word to the next one's. */
  readonly stride: number;
}

const wholeState: HeapPlace = Object.freeze({ size: 0, slots: 1, stride: 2 });

/** Words of state that `bestFirst` needs if it has it all. */
export function bestFirstWords(capacity: number): number {
  return 1 + 2 * capacity;
}

/**
 * Always picks the first usable slot in some order of load: what every scheduler that scans for a least value does,
 * without the scan. A binary heap that knows where each slot stands, in shared state. A pick is O(1), every change
 * O(log n).
 *
 * @param before whether slot `a` stands before slot `b`: a strict order of all usable slots. It must read nothing but
 *   what the hooks announce: weights, counts and ages.
 * @param ranking puts the same order into words.
 * @param admits which listed slots may be picked, by default the usable ones.
 * @param place by default all of the state.
 */
export function bestFirst(
  set: BackendSet,
  state: Int32Array,
  before: (a: number, b: number) => boolean,
  ranking: Ranking,
  admits: (slot: number) => boolean = (slot) => usable(set, slot),
  { size, slots, stride }: HeapPlace = wholeState,
): BestFirst {
  // Two words a number n: the slot at rank n, and the rank of slot n plus 1 (0: not in the heap).
  const slotAt = (rank: number): number => state[slots + stride * rank]!;
  const rankOf = (slot: number): number => state[slots + stride * slot + 1]! - 1;
  const put = (slot: number, rank: number): void => {
    state[slots + stride * rank] = slot;
    state[slots + stride * slot + 1] = rank + 1;
  };

  const sink = (slot: number, from: number): void => {
    let rank = from;
    for (let child = 2 * rank + 1; child < state[size]!; child = 2 * rank + 1) {
      if (child + 1 < state[size]! && before(slotAt(child + 1), slotAt(child))) child += 1;
      if (!before(slotAt(child), slot)) break;
      put(slotAt(child), rank);
      rank = child;
    }
    put(slot, rank);
  };
  const settle = (slot: number, from: number): void => {
    let rank = from;
    for (let parent = (rank - 1) >> 1; rank > 0 && before(slot, slotAt(parent)); parent = (rank - 1) >> 1) {
      put(slotAt(parent), rank);
      rank = parent;
    }
    sink(slot, rank);
  };
  const enter = (slot: number): void => {
    state[size]! += 1;
    settle(slot, state[size]! - 1);
  };
  const leave = (slot: number): void => {
    const rank = rankOf(slot);
    if (rank < 0) return;
    state[size]! -= 1;
    state[slots + stride * slot + 1] = 0;
    const last = slotAt(state[size]!);
    if (last !== slot) settle(last, rank);
  };
  const changed = (slot: number): void => {
    const rank = rankOf(slot);
    if (!holds(set, slot) || !admits(slot)) leave(slot);
    else if (rank < 0) enter(slot);
    else settle(slot, rank);
  };

  return {
    pick: () => (state[size] === 0 ? NO_BACKEND : slotAt(0)),
    loadChanged: changed,
    added: changed,
    removing: leave,
    reweighted: changed,
    rebuild() {
      state[size] = 0;
      for (let slot = 0; slot < set.capacity; slot += 1) state[slots + stride * slot + 1] = 0;
      for (const slot of listed(set)) if (admits(slot)) enter(slot);
    },
    explain: () => ({
      slot: state[size] === 0 ? NO_BACKEND : slotAt(0),
      rule: ranking.rule,
      candidates: listed(set)
        .filter(admits)
        .map((slot) => ({ slot, value: ranking.value(slot), meaning: ranking.meaning })),
    }),
  };
}
