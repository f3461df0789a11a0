import type { BackendSet } from "./backend-set.ts";
import { absorbIdentity, byIdentity } from "./identity-order.ts";
import { absorb, finish } from "./murmur3.ts";
import type { TableMaker } from "./rebuilt-table.ts";

export interface RingSize {
  /** Points a unit of weight, before all are scaled. */
  readonly points: number;
  /** How many points the ring has at least and at most. */
  readonly least: number;
  readonly most: number;
}

/** Word 0: how many points; word 1: how many bits of a place tell its run; word 2: how many bits a slot takes. */
const SIZE = 0;
const RUN_BITS = 1;
const SLOT_BITS = 2;
/**
 * Behind them one word a point, in ascending order of places: what of its place the run does not tell, above its slot.
 * Half as much memory is half as often not in a cache, and that is most of what a pick takes. Behind the points lies the
 * index: for each run of places the first point in it or behind it, and once more the number of points.
 *
 * Places are signed numbers. That turns the circle by half, which changes nothing on it.
 */
const POINTS = 3;
const LOWEST_PLACE = -(2 ** 31);

/** A ring of points as a table: its entries are the points. */
export function hashRing(size: RingSize): TableMaker {
  return {
    words: (capacity) => wordsOf(mostPoints(size, capacity), capacity),
    create(set, state) {
      return {
        entryName: "point",
        size: () => state[SIZE]!,
        entryOf(hash) {
          const runBits = state[RUN_BITS]!;
          const slotBits = state[SLOT_BITS]!;
          const run = POINTS + state[SIZE]! + ((hash ^ LOWEST_PLACE) >>> (32 - runBits));
          const place = (hash << runBits) >>> runBits;
          const start = state[run]!;
          const end = state[run + 1]!;
          // Where it would be if the points were spread evenly over the run: seldom more than a few off.
          let point = start + Math.trunc(((end - start) * ((hash << runBits) >>> 16)) / 2 ** 16);
          while (point > start && state[POINTS + point - 1]! >>> slotBits >= place) point -= 1;
          while (point < end && state[POINTS + point]! >>> slotBits < place) point += 1;
          return point === state[SIZE] ? 0 : point;
        },
        slotAt: (point) => state[POINTS + point]! & ((1 << state[SLOT_BITS]!) - 1),
        build() {
          const slots = byIdentity(set);
          const counts = pointCounts(
            slots.map((slot) => set.weight[slot]!),
            size,
          );
          const points = sortPoints(makePoints(set, slots, counts));
          const total = points.length / 2;
          const runBits = runBitsFor(total, set.capacity);
          const slotBits = slotBitsFor(set.capacity);
          state[SIZE] = total;
          state[RUN_BITS] = runBits;
          state[SLOT_BITS] = slotBits;
          for (let point = 0; point < total; point += 1) {
            state[POINTS + point] =
              (((points[2 * point]! << runBits) >>> runBits) << slotBits) | points[2 * point + 1]!;
          }
          const words = wordsOf(total, set.capacity);
          indexRuns(points, state.subarray(POINTS + total, words), 32 - runBits);
          return words;
        },
      };
    },
  };
}

/** Place and slot of all points, slot by slot. */
function makePoints(set: BackendSet, slots: readonly number[], counts: readonly number[]): Int32Array {
  const points = new Int32Array(2 * counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const [member, slot] of slots.entries()) {
    const prefix = absorbIdentity(set, 0, slot);
    for (let nth = 0; nth < counts[member]!; nth += 1) {
      points[at] = finish(absorb(prefix, nth), 3);
      points[at + 1] = slot;
      at += 2;
    }
  }
  return points;
}

function indexRuns(points: Int32Array, index: Int32Array, shift: number): void {
  let run = 0;
  for (let at = 0; at < points.length; at += 2) {
    const last = (points[at]! ^ LOWEST_PLACE) >>> shift;
    for (; run <= last; run += 1) index[run] = at >> 1;
  }
  index.fill(points.length >> 1, run);
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** By place, stable: a radix sort, which at a million points takes a third of the time of a sort by comparing. */
function sortPoints(points: Int32Array): Int32Array {
  let from = points;
  let to: Int32Array = new Int32Array(points.length);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    const digitOf = (place: number): number => ((place ^ LOWEST_PLACE) >>> shift) & (DIGITS - 1);
    const ends = new Int32Array(DIGITS + 1);
    for (let at = 0; at < from.length; at += 2) ends[digitOf(from[at]!) + 1]! += 2;
    for (let digit = 1; digit <= DIGITS; digit += 1) ends[digit]! += ends[digit - 1]!;
    for (let at = 0; at < from.length; at += 2) {
      const digit = digitOf(from[at]!);
      to[ends[digit]!] = from[at]!;
      to[ends[digit]! + 1] = from[at + 1]!;
      ends[digit]! += 2;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** How many points each backend has. @param weights all above 0. */
export function pointCounts(weights: readonly number[], { points, least, most }: RingSize): number[] {
  const count = (weight: number, power: number): number => Math.max(1, Math.floor(points * weight * 2 ** power));
  const total = (power: number): number => weights.reduce((sum, weight) => sum + count(weight, power), 0);
  const backends = weights.length;
  if (backends === 0) return [];
  let power = 0;
  while (total(power) > points * backends) power -= 1;
  while (total(power) < least) power += 1;
  while (total(power) > Math.max(most, backends)) power -= 1;
  return weights.map((weight) => count(weight, power));
}

/** Twice the points are fewer than twice `least` and one more for each backend. */
function mostPoints({ points, least, most }: RingSize, capacity: number): number {
  return Math.min(Math.max(points * capacity, 2 * least + capacity), Math.max(most, capacity));
}

/**
 * So many runs that one has 8 to 16 points: the index is small enough to stay in a processor's cache. Where there are few
 * points for the slots more, so that what is left of a place and a slot fit into a word.
 */
function runBitsFor(points: number, capacity: number): number {
  return Math.max(Math.floor(Math.log2(Math.max(points, 1))) - 3, slotBitsFor(capacity));
}

/** At least 1. */
function slotBitsFor(capacity: number): number {
  return Math.max(32 - Math.clz32(capacity - 1), 1);
}

function wordsOf(points: number, capacity: number): number {
  return POINTS + points + 2 ** runBitsFor(points, capacity) + 1;
}
