import { type BackendSet, holds, usable } from "./backend-set.ts";
import { type Balancer, NO_BACKEND } from "./balancer.ts";
import { bestFirst } from "./best-first.ts";

/** Usable slots in line by a key each; among equal keys first come, first served. In shared state. */
export interface SlotQueue {
  /** The keys, numbers of any kind. Whoever puts a slot in line writes its key at `at(slot)` right before. */
  readonly keys: Float64Array;
  at(slot: number): number;
  /** The first in line, or NO_BACKEND. O(1). */
  first(): number;
  waits(slot: number): boolean;
  /** Puts a usable slot in line, or elsewhere in it: behind all of the same key. O(log n). */
  put(slot: number): void;
  /** Takes a slot out of line, if it is there. O(log n). */
  drop(slot: number): void;
  /**
   * Lines up the usable ones anew. O(n log n).
   *
   * @param rekey writes the key of a slot that is to be put behind those of the same key; false for one that stays.
   */
  rebuild(rekey: (slot: number) => boolean): void;
  readonly explain: Balancer["explain"];
}

/** Words in front: how many wait, one unused, and a double that numbers the puttings. */
const HEADER = 4;
/** Words a slot: two of the heap, its key, and the number of its putting. */
const STRIDE = 6;

export function slotQueueWords(capacity: number): number {
  return HEADER + STRIDE * capacity;
}

/**
 * @param first the first word of the queue in the state: even. It takes the rest.
 * @param words puts the order into words.
 */
export function slotQueue(
  set: BackendSet,
  state: Int32Array,
  first: number,
  words: { readonly rule: string; readonly meaning: string },
): SlotQueue {
  const keys = new Float64Array(state.buffer, state.byteOffset, state.length >> 1);
  const puts = (first + 2) >> 1;
  const at = (slot: number): number => (first + HEADER + STRIDE * slot + 2) >> 1;
  const before = (a: number, b: number): boolean => {
    const one = at(a);
    const other = at(b);
    return keys[one] === keys[other] ? keys[one + 1]! < keys[other + 1]! : keys[one]! < keys[other]!;
  };
  const place = { size: first, slots: first + HEADER, stride: STRIDE };
  const heap = bestFirst(set, state, before, { ...words, value: (slot) => keys[at(slot)]! }, undefined, place);
  const goBehind = (slot: number): void => {
    keys[puts]! += 1;
    keys[at(slot) + 1] = keys[puts]!;
  };
  return {
    keys,
    at,
    first: () => (state[place.size] === 0 ? NO_BACKEND : state[place.slots]!),
    waits: (slot) => state[place.slots + STRIDE * slot + 1] !== 0,
    put(slot) {
      goBehind(slot);
      heap.loadChanged(slot);
    },
    drop: heap.removing,
    rebuild(rekey) {
      for (let slot = 0; slot < set.capacity; slot += 1) {
        if (holds(set, slot) && usable(set, slot) && rekey(slot)) goBehind(slot);
      }
      heap.rebuild();
    },
    explain: heap.explain,
  };
}
