import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects all garbage at once. */
export const collectGarbage = runInNewContext("gc") as () => void;

/** Few enough that what they could allocate fits into a young generation, so that no collection hides it. */
const CALLS = 40_000;
const ROUNDS = 25;

/**
 * How many bytes a call allocates, in the median of several rounds: an engine's compilers allocate now and then, code
 * that allocates does so in every round. 1 000 000 calls in all.
 *
 * Below 1 means none: reading the heap itself shows some 600 bytes, 0.015 a call; the smallest object takes 16, so one
 * in every sixteenth call is seen.
 */
export function bytesPerCall(call: () => void): number {
  const bytes: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    collectGarbage();
    const before = getHeapStatistics().used_heap_size;
    for (let i = 0; i < CALLS; i += 1) call();
    bytes.push(getHeapStatistics().used_heap_size - before);
  }
  return bytes.sort((a, b) => a - b)[ROUNDS >> 1]! / CALLS;
}
