import { NO_BACKEND } from "./balancer.ts";

/**
 * Lines that rise with time, one a slot, and which of them is on top: a kinetic tournament, in shared state. A binary
 * tree whose leaves are the slots; each node knows the winner of its two halves, and until when nothing below it
 * changes. As time goes on, only nodes whose time has come are looked at again.
 *
 * All numbers are whole: heights are exact as long as they stay below 2⁵³.
 */
export interface Tournament {
  /**
   * One step of time: every line rises by its slope.
   *
   * @returns the highest line of those that rise, the first of equal ones; NO_BACKEND, and no time passes, where none
   *   rises.
   */
  tick(): number;
  heightOf(slot: number): number;
  /** Lowers a line by the sum of all slopes: what all lines together rose in a step. O(log n). */
  lower(slot: number): void;
  /** Turns a line at the height that it has. @param slope at least 0; a line that does not rise takes no part. O(log n). */
  setSlope(slot: number, slope: number): void;
  /** Puts a line that does not rise to height 0. O(1). */
  reset(slot: number): void;
  /** Sets all slopes, at the heights that the lines have, and plays all matches anew. O(n). */
  rebuild(slopeOf: (slot: number) => number): void;
}

/** Double 0: the time. Double 1: the sum of all slopes. Word 4: the height of the tree, 0 for one leaf. */
const TIME = 0;
const SLOPES = 1;
const HEIGHT = 4;
const HEADER = 6;
/**
 * Four words a node: a number, one unused, and a double. Of a leaf its slope and the height that its line had, or would
 * have had, at time 0 (its height, if it does not rise). Of another node its winner plus 1 (0: none), and when the
 * first change below it is due.
 *
 * Nodes lie in the order of a walk from left to right, so that a tree that grows keeps all its nodes where they are.
 */
const STRIDE = 4;
/** Before heights grow out of 2⁵³: slopes are below 2¹⁶. */
const LATEST = 2 ** 32;

export function tournamentWords(capacity: number): number {
  return HEADER + STRIDE * 2 ** (Math.ceil(Math.log2(capacity)) + 1);
}

/** @param first whether slot a wins against slot b at the same height. Called for slots that rise. */
export function tournament(capacity: number, state: Int32Array, first: (a: number, b: number) => boolean): Tournament {
  const doubles = new Float64Array(state.buffer, state.byteOffset, state.length >> 1);
  /** Where the word and the double of a node lie. */
  const word = (node: number): number => HEADER + STRIDE * node;
  const double = (node: number): number => (HEADER + STRIDE * node + 2) >> 1;
  const leaf = (slot: number): number => 2 * slot;
  /** The node `level` above a slot's leaf. */
  const above = (slot: number, level: number): number => ((slot >> level) << (level + 1)) + (1 << level) - 1;

  const slopeOf = (slot: number): number => state[word(leaf(slot))]!;
  const heightOf = (slot: number): number => doubles[double(leaf(slot))]! + doubles[TIME]! * slopeOf(slot);
  /** Who won below a node, or NO_BACKEND. */
  const winner = (node: number, level: number): number =>
    level > 0 ? state[word(node)]! - 1 : state[word(node)]! > 0 ? node >> 1 : NO_BACKEND;

  /** In one piece: a function that returned a double would allocate. */
  const play = (node: number, level: number): void => {
    const half = 1 << (level - 1);
    const left = winner(node - half, level - 1);
    const right = winner(node + half, level - 1);
    let top = left === NO_BACKEND ? right : left;
    let due = Infinity;
    if (level > 1 && left !== NO_BACKEND) due = doubles[double(node - half)]!;
    if (level > 1 && right !== NO_BACKEND) due = Math.min(due, doubles[double(node + half)]!);
    if (left !== NO_BACKEND && right !== NO_BACKEND) {
      const rises = slopeOf(left) - slopeOf(right);
      const lead = doubles[double(leaf(left))]! - doubles[double(leaf(right))]! + doubles[TIME]! * rises;
      const leftIsTop = lead === 0 ? first(left, right) : lead > 0;
      top = leftIsTop ? left : right;
      const gain = leftIsTop ? -rises : rises;
      // Not before then: at the same height, the one ahead may win the tie.
      if (gain > 0) due = Math.min(due, doubles[TIME]! + Math.ceil(Math.abs(lead) / gain));
    }
    state[word(node)] = top + 1;
    doubles[double(node)] = due;
  };
  const playDue = (node: number, level: number): void => {
    if (level === 0 || state[word(node)] === 0 || doubles[double(node)]! > doubles[TIME]!) return;
    const half = 1 << (level - 1);
    playDue(node - half, level - 1);
    playDue(node + half, level - 1);
    play(node, level);
  };
  const playAbove = (slot: number): void => {
    for (let level = 1; level <= state[HEIGHT]!; level += 1) play(above(slot, level), level);
  };
  const growTo = (slot: number): void => {
    while (slot >> state[HEIGHT]! > 0) {
      state[HEIGHT]! += 1;
      play(above(0, state[HEIGHT]!), state[HEIGHT]!);
    }
  };
  const turn = (slot: number, slope: number): void => {
    const height = heightOf(slot);
    doubles[SLOPES]! += slope - slopeOf(slot);
    state[word(leaf(slot))] = slope;
    doubles[double(leaf(slot))] = height - doubles[TIME]! * slope;
  };
  const rebuild = (slope: (slot: number) => number): void => {
    let slopes = 0;
    for (let slot = 0; slot < capacity; slot += 1) {
      const height = heightOf(slot);
      state[word(leaf(slot))] = slope(slot);
      doubles[double(leaf(slot))] = height;
      slopes += slopeOf(slot);
    }
    doubles[TIME] = 0;
    doubles[SLOPES] = slopes;
    growTo(capacity - 1);
    for (let level = 1; level <= state[HEIGHT]!; level += 1) {
      for (let slot = 0; slot < capacity; slot += 1 << level) play(above(slot, level), level);
    }
  };

  return {
    tick() {
      const level = state[HEIGHT]!;
      const root = above(0, level);
      if (winner(root, level) === NO_BACKEND) return NO_BACKEND;
      if (doubles[TIME]! >= LATEST) rebuild(slopeOf);
      doubles[TIME]! += 1;
      playDue(root, level);
      return winner(root, level);
    },
    heightOf,
    lower(slot) {
      doubles[double(leaf(slot))]! -= doubles[SLOPES]!;
      playAbove(slot);
    },
    setSlope(slot, slope) {
      if (slope === slopeOf(slot)) return;
      growTo(slot);
      turn(slot, slope);
      playAbove(slot);
    },
    reset(slot) {
      doubles[double(leaf(slot))] = 0;
    },
    rebuild,
  };
}
