import type { BackendSet } from "./backend-set.ts";
import { holds, listed, usable } from "./backend-set.ts";
import { type Balancer, NO_BACKEND } from "./balancer.ts";

/** How `bestFirst` explains itself. */
export interface Ranking {
  readonly rule: string;
  /** The figure of a slot that the order is by. */
  value(slot: number): number;
  readonly meaning: string;
}

/** Word 0: how many slots the heap holds. */
const SIZE = 0;

/** Words of state that `bestFirst` needs. */
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
 */
export function bestFirst(
  set: BackendSet,
  state: Int32Array,
  before: (a: number, b: number) => boolean,
  ranking: Ranking,
): Omit<Balancer, "algorithm"> {
  // Two words a number n: the slot at rank n, and the rank of slot n plus 1 (0: not in the heap).
  const slotAt = (rank: number): number => state[1 + 2 * rank]!;
  const rankOf = (slot: number): number => state[2 + 2 * slot]! - 1;
  const put = (slot: number, rank: number): void => {
    state[1 + 2 * rank] = slot;
    state[2 + 2 * slot] = rank + 1;
  };

  const sink = (slot: number, from: number): void => {
    let rank = from;
    for (let child = 2 * rank + 1; child < state[SIZE]!; child = 2 * rank + 1) {
      if (child + 1 < state[SIZE]! && before(slotAt(child + 1), slotAt(child))) child += 1;
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
    state[SIZE]! += 1;
    settle(slot, state[SIZE]! - 1);
  };
  const leave = (slot: number): void => {
    const rank = rankOf(slot);
    if (rank < 0) return;
    state[SIZE]! -= 1;
    state[2 + 2 * slot] = 0;
    const last = slotAt(state[SIZE]!);
    if (last !== slot) settle(last, rank);
  };
  const changed = (slot: number): void => {
    const rank = rankOf(slot);
    if (!holds(set, slot) || !usable(set, slot)) leave(slot);
    else if (rank < 0) enter(slot);
    else settle(slot, rank);
  };

  return {
    pick: () => (state[SIZE] === 0 ? NO_BACKEND : slotAt(0)),
    loadChanged: changed,
    added: changed,
    removing: leave,
    reweighted: changed,
    rebuild() {
      state.fill(0, 0, bestFirstWords(set.capacity));
      for (const slot of listed(set)) if (usable(set, slot)) enter(slot);
    },
    explain: () => ({
      slot: state[SIZE] === 0 ? NO_BACKEND : slotAt(0),
      rule: ranking.rule,
      candidates: listed(set)
        .filter((slot) => usable(set, slot))
        .map((slot) => ({ slot, value: ranking.value(slot), meaning: ranking.meaning })),
    }),
  };
}
