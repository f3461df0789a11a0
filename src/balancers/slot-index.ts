import { type BackendSet, listed } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { multiplyShift } from "./multiply-shift.ts";

/**
 * Finds the slot of a backend that was met before, by its identity: the kernel holds on to a server that is gone, and
 * knows it when it comes back, perhaps to another slot. A hash table in a balancer's state.
 */
export interface SlotIndex {
  /** The slot that a backend has, or had last; NO_BACKEND once another backend has it. O(1) up to some 4096 slots. */
  find(low: number, high: number): number;
  added(slot: number): void;
  rebuild(): void;
}

/** Where an index lies: so many words in a row from `heads`, and three a slot. */
export interface IndexPlace {
  readonly heads: number;
  /** The first word of slot 0. */
  readonly slots: number;
  /** Words from one slot's first word to the next one's. */
  readonly stride: number;
}

const CHAIN_BITS = 12;
export const INDEX_HEADS = 1 << CHAIN_BITS;

/** Words of a slot: the next slot of its chain plus 2 (1: the last one, 0: in no chain), and the identity it is under. */
const NEXT = 0;
const LOW = 1;
const HIGH = 2;
const LAST = 1;

export function slotIndex(set: BackendSet, state: Int32Array, { heads, slots, stride }: IndexPlace): SlotIndex {
  const { capacity, identityLow, identityHigh } = set;
  const at = (slot: number, field: number): number => slots + stride * slot + field;
  /** Heads hold what NEXT does, or 0 where the chain is empty. */
  const headOf = (low: number, high: number): number => heads + multiplyShift(low ^ high, CHAIN_BITS);
  const isUnder = (slot: number, low: number, high: number): boolean =>
    state[at(slot, LOW)] === low && state[at(slot, HIGH)] === high;

  const find = (low: number, high: number): number => {
    let slot = state[headOf(low, high)]! - 2;
    while (slot >= 0 && !isUnder(slot, low, high)) slot = state[at(slot, NEXT)]! - 2;
    return Math.max(slot, NO_BACKEND);
  };
  const leave = (slot: number): void => {
    if (state[at(slot, NEXT)] === 0) return;
    let link = headOf(state[at(slot, LOW)]!, state[at(slot, HIGH)]!);
    while (state[link] !== slot + 2) link = at(state[link]! - 2, NEXT);
    state[link] = state[at(slot, NEXT)]!;
    state[at(slot, NEXT)] = 0;
  };
  const enter = (slot: number, low: number, high: number): void => {
    const head = headOf(low, high);
    state[at(slot, LOW)] = low;
    state[at(slot, HIGH)] = high;
    state[at(slot, NEXT)] = Math.max(state[head]!, LAST);
    state[head] = slot + 2;
  };
  const added = (slot: number): void => {
    const low = identityLow[slot]!;
    const high = identityHigh[slot]!;
    leave(slot);
    const before = find(low, high);
    if (before !== NO_BACKEND) leave(before);
    enter(slot, low, high);
  };

  return {
    find,
    added,
    rebuild() {
      const known = Array.from({ length: capacity }, (_, slot) => slot).filter((slot) => state[at(slot, NEXT)] !== 0);
      state.fill(0, heads, heads + INDEX_HEADS);
      for (let slot = 0; slot < capacity; slot += 1) state[at(slot, NEXT)] = 0;
      for (const slot of listed(set)) added(slot);
      for (const slot of known) {
        const low = state[at(slot, LOW)]!;
        const high = state[at(slot, HIGH)]!;
        if (find(low, high) === NO_BACKEND) enter(slot, low, high);
      }
    },
  };
}
