import { type BackendSet, holds, listed, usable } from "./backend-set.ts";
import type { Balancer } from "./balancer.ts";

/** Some listed slots of a set, numbered 0…count − 1 without a gap, so that one draw finds one of them. */
export interface NumberedSlots {
  count(): number;
  /** @param index 0…count − 1. */
  at(index: number): number;
  /** Has two slots change their numbers. O(1). */
  swap(index: number, other: number): void;
  /** Keep the numbering, each in O(1). */
  readonly hooks: Pick<Balancer, "loadChanged" | "added" | "removing" | "reweighted" | "rebuild">;
}

/** Two words in front, the first one the count, and these for each slot. */
const OWN_WORDS = 2;

/** Words of state. @param stride even, at least 2: words a slot; the owner of the state has those behind the first two. */
export function numberedSlotsWords(capacity: number, stride = OWN_WORDS): number {
  return 2 + stride * capacity;
}

/**
 * Lays a numbering over state. One that is to have a number from now on gets the next one; when one is not to have one
 * any longer, the last one gets its number.
 *
 * @param state begins with the words of this numbering.
 * @param admits which listed slots have a number, by default the usable ones.
 */
export function numberedSlots(
  set: BackendSet,
  state: Int32Array,
  {
    stride = OWN_WORDS,
    admits = (slot) => usable(set, slot),
  }: { readonly stride?: number; readonly admits?: (slot: number) => boolean } = {},
): NumberedSlots {
  // Of the words of number n: the slot numbered n, and the number of slot n plus 1 (0: none).
  const at = (index: number): number => state[2 + stride * index]!;
  const indexOf = (slot: number): number => state[3 + stride * slot]! - 1;
  const put = (slot: number, index: number): void => {
    state[2 + stride * index] = slot;
    state[3 + stride * slot] = index + 1;
  };
  const leave = (slot: number): void => {
    const index = indexOf(slot);
    if (index < 0) return;
    state[0]! -= 1;
    put(at(state[0]!), index);
    state[3 + stride * slot] = 0;
  };
  const changed = (slot: number): void => {
    if (!holds(set, slot) || !admits(slot)) leave(slot);
    else if (indexOf(slot) < 0) {
      put(slot, state[0]!);
      state[0]! += 1;
    }
  };

  return {
    count: () => state[0]!,
    at,
    swap(index, other) {
      const slot = at(index);
      put(at(other), index);
      put(slot, other);
    },
    hooks: {
      loadChanged: changed,
      added: changed,
      removing: leave,
      reweighted: changed,
      rebuild() {
        const count = Math.min(state[0]!, set.capacity);
        for (let slot = 0; slot < set.capacity; slot += 1) state[3 + stride * slot] = 0;
        state[0] = 0;
        // Whoever has a number keeps his place; a thread that died half-way may have left one twice, or out.
        for (let index = 0; index < count; index += 1) changed(at(index));
        for (const slot of listed(set)) changed(slot);
      },
    },
  };
}
