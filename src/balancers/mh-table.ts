import type { BackendSet } from "./backend-set.ts";
import { hsiphash } from "./hsiphash.ts";

/** Entries of a table, by what the kernel's configuration calls an index; all primes. */
const SIZES: Readonly<Record<number, number>> = Object.freeze({
  8: 251,
  9: 509,
  10: 1021,
  11: 2039,
  12: 4093,
  13: 8191,
  14: 16_381,
  15: 32_749,
  16: 65_521,
  17: 131_071,
});

const FIRST_KEY = 2_654_435_761 | 0;
const SECOND_KEY = 2_654_446_892 | 0;

/** Word 0: whether the table is the one of the list as it is now. Then the table, slot + 1 an entry. */
const BUILT = 0;
const TABLE = 1;
/** Words a slot, behind the table. */
const SLOT_WORDS = 4;
const LAST_WEIGHT = 0;
/** The first entry that the slot claims, how far from one claim to the next, and how far it has come. */
const OFFSET = 1;
const SKIP = 2;
const POSITION = 3;

/** A table over the state of one balancer. */
export interface MhTable {
  /** Builds the table first if it is not that of the list as it is now. @returns NO_BACKEND while it is empty. */
  slotAt(entry: number): number;
  added(slot: number): void;
  removing(): void;
  reweighted(slot: number): void;
  rebuild(): void;
}

/** The kind of table that an index stands for. @param index 8…17. */
export function mhTable(index: number): {
  readonly size: number;
  /** The entry that a word hashes to. */
  entryOf(word: number): number;
  stateWords(capacity: number): number;
  over(set: BackendSet, state: Int32Array): MhTable;
} {
  const size = SIZES[index]!;
  const slots = TABLE + size;
  return {
    size,
    entryOf: (word) => (hsiphash(word, FIRST_KEY) >>> 0) % size,
    stateWords: (capacity) => slots + SLOT_WORDS * capacity,
    over: (set, state) => tableOver(set, state, size, index >> 1),
  };
}

function tableOver(set: BackendSet, state: Int32Array, size: number, weightBits: number): MhTable {
  const { capacity, next, weight, identityLow } = set;
  const at = (slot: number, field: number): number => TABLE + size + SLOT_WORDS * slot + field;

  const place = (slot: number): void => {
    const word = identityLow[slot]!;
    state[at(slot, OFFSET)] = (hsiphash(word, FIRST_KEY) >>> 0) % size;
    state[at(slot, SKIP)] = 1 + ((hsiphash(word, SECOND_KEY) >>> 0) % (size - 1));
  };
  /** A backend keeps its last weight above 0 until it is added again. */
  const remember = (slot: number): void => {
    if (weight[slot]! > 0) state[at(slot, LAST_WEIGHT)] = weight[slot]!;
  };

  /** What all weights have in common: the greatest common divisor, times 2^shift; 0 where all are 0. */
  const measure = (): { readonly divisor: number; readonly shift: number } => {
    let divisor = 0;
    let largest = 0;
    for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) {
      const last = state[at(slot, LAST_WEIGHT)]!;
      divisor = greatestCommonDivisor(last, divisor);
      largest = Math.max(largest, last);
    }
    const bits = 32 - Math.clz32(largest / divisor);
    return { divisor, shift: Math.max(0, bits - weightBits) };
  };
  /** Gives a slot up to so many entries. @returns how many are still free. */
  const claim = (slot: number, turns: number, free: number): number => {
    const skip = state[at(slot, SKIP)]!;
    let position = state[at(slot, POSITION)]!;
    let left = free;
    for (let turn = 0; turn < turns && left > 0; turn += 1) {
      while (state[TABLE + position] !== 0) {
        position += skip;
        if (position >= size) position -= size;
      }
      state[TABLE + position] = slot + 1;
      left -= 1;
    }
    state[at(slot, POSITION)] = position;
    return left;
  };
  const build = (): void => {
    state.fill(0, TABLE, TABLE + size);
    const { divisor, shift } = measure();
    for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) {
      state[at(slot, POSITION)] = state[at(slot, OFFSET)]!;
    }
    for (let free = divisor === 0 ? 0 : size; free > 0;) {
      for (let slot = next[capacity]!; slot !== capacity && free > 0; slot = next[slot]!) {
        const last = state[at(slot, LAST_WEIGHT)]!;
        if (last > 0) free = claim(slot, Math.max(1, (last / divisor) >> shift), free);
      }
    }
    state[BUILT] = 1;
  };

  const changed = (): void => {
    state[BUILT] = 0;
  };
  return {
    slotAt(entry) {
      if (state[BUILT] === 0) build();
      return state[TABLE + entry]! - 1;
    },
    added(slot) {
      place(slot);
      state[at(slot, LAST_WEIGHT)] = weight[slot]!;
      changed();
    },
    removing: changed,
    reweighted(slot) {
      remember(slot);
      changed();
    },
    rebuild() {
      for (let slot = next[capacity]!; slot !== capacity; slot = next[slot]!) {
        place(slot);
        remember(slot);
      }
      changed();
    },
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
