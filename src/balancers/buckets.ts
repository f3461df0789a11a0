import type { BackendSet } from "./backend-set.ts";
import { NO_BACKEND } from "./balancer.ts";
import { multiplyShift } from "./multiply-shift.ts";

const BITS = 8;
/** How many buckets `sh` and `dh` have: their words of state, one a bucket. */
export const BUCKETS = 1 << BITS;

/** The bucket that a word hashes to. */
export function bucketOf(word: number): number {
  return multiplyShift(word, BITS);
}

/** @returns NO_BACKEND where the list is empty. */
export function slotIn(state: Int32Array, bucket: number): number {
  return state[bucket]! - 1;
}

/**
 * Gives out the buckets, walking round the list until none is left. O(256), whatever the length of the list.
 *
 * @param turns how many buckets in a row a slot gets each time round, at least 1.
 * @param except a slot that gets none, since it is about to leave the list.
 */
export function fillBuckets(
  { capacity, next }: BackendSet,
  state: Int32Array,
  turns: (slot: number) => number,
  except = NO_BACKEND,
): void {
  const listedAfter = (slot: number): number => {
    const after = next[slot]!;
    return after === except ? next[after]! : after;
  };
  let slot = listedAfter(capacity);
  if (slot === capacity) {
    state.fill(0, 0, BUCKETS);
    return;
  }
  let turn = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    state[bucket] = slot + 1;
    turn += 1;
    if (turn < turns(slot)) continue;
    turn = 0;
    slot = listedAfter(slot);
    if (slot === capacity) slot = listedAfter(capacity);
  }
}
