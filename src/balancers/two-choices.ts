import type { Random } from "../core/random.ts";
import { NO_BACKEND } from "./balancer.ts";
import type { Candidate, Explanation } from "./explanation.ts";
import type { NumberedSlots } from "./numbered-slots.ts";

/** Whether a slot is less loaded than another one. */
export type LessLoaded = (slot: number, other: number, nowMs: number) => boolean;

/**
 * Draws two different usable slots, each pair as likely, and keeps the less loaded one; a tie keeps the first drawn.
 * The second draw is from one slot fewer and steps over the first: two draws, never a third.
 */
export function pickOfTwoDifferent(slots: NumberedSlots, random: Random, less: LessLoaded, nowMs: number): number {
  const count = slots.count();
  if (count < 2) return count === 0 ? NO_BACKEND : slots.at(0);
  const index = random.below(count);
  const other = random.below(count - 1);
  const first = slots.at(index);
  const second = slots.at(other < index ? other : other + 1);
  return less(second, first, nowMs) ? second : first;
}

/** Draws twice from all usable slots, so that one may be drawn twice; a tie keeps the first drawn. */
export function pickOfTwo(slots: NumberedSlots, random: Random, less: LessLoaded, nowMs: number): number {
  const count = slots.count();
  if (count < 2) return count === 0 ? NO_BACKEND : slots.at(0);
  const first = slots.at(random.below(count));
  const second = slots.at(random.below(count));
  return less(second, first, nowMs) ? second : first;
}

/**
 * What chance each usable slot has now. Of n slots, one with h more loaded ones and e others of its own load wins the
 * pairs (h + e/2 of them that are different, in either order) that it is drawn into.
 *
 * @param meaning what the load is.
 */
export function explainTwoChoices(
  slots: NumberedSlots,
  load: (slot: number) => number,
  { replacement, meaning }: { readonly replacement: boolean; readonly meaning: string },
): Explanation {
  const count = slots.count();
  const loads = Array.from({ length: count }, (_, index) => load(slots.at(index)));
  const ascending = loads.toSorted((a, b) => a - b);
  const candidates = loads.map((value, index): Candidate => {
    const equal = firstAbove(ascending, value, true) - firstAbove(ascending, value, false) - 1;
    const won = 2 * (count - firstAbove(ascending, value, true)) + equal;
    const chance = replacement ? (won + 1) / count ** 2 : count === 1 ? 1 : won / (count * (count - 1));
    return {
      slot: slots.at(index),
      value: chance,
      meaning: `chance to be the less loaded of two; its load is ${value}, ${meaning}`,
    };
  });
  const only = count === 1 ? slots.at(0) : undefined;
  return {
    slot: count === 0 ? NO_BACKEND : only,
    rule: `the less loaded of two${replacement ? "" : " different ones"} that chance draws; of equal ones the first drawn`,
    candidates,
  };
}

/** How many of the ascending numbers are below the value, or not above it. */
function firstAbove(ascending: readonly number[], value: number, orEqual: boolean): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (orEqual ? ascending[middle]! <= value : ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
