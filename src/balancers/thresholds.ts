import type { BackendSet } from "./backend-set.ts";
import type { Kernel } from "./kernel.ts";

/** How many connections overload a backend. */
export interface Thresholds {
  /** Overloaded from so many connections on, active and inactive ones, 0…2³¹ − 1; 0: never. */
  readonly upper: number;
  /** Free again below so many, 0…`upper`; 0: below three quarters of `upper`, rounded up. */
  readonly lower: number;
}

/** The largest threshold. */
export const MAX_THRESHOLD = 2 ** 31 - 1;

/**
 * After a connection was counted on a slot, before the balancer hears of it. O(1).
 *
 * @param kernel whose rules. 6.1.176 frees no slot here, and looks at its old thresholds until then.
 */
export function connectionAdded(set: BackendSet, slot: number, kernel: Kernel): void {
  const upper = set.upper[slot]!;
  if (kernel !== "6.1.176") evaluate(set, slot);
  else if (upper > 0 && total(set, slot) >= upper) set.overloaded[slot] = 1;
}

/** After a connection is no longer counted on a slot, before the balancer hears of it. O(1). */
export function connectionEnded(set: BackendSet, slot: number, kernel: Kernel): void {
  if (kernel !== "6.1.176") evaluate(set, slot);
  else if (total(set, slot) < freeBelow(set, slot)) set.overloaded[slot] = 0;
}

/**
 * Sets the thresholds of a slot, before the balancer hears of it by `added` or `reweighted`. O(1).
 *
 * @param kernel whose rules. Kernels after 6.1.176 look at once whether the connections of now overload the slot;
 *   6.1.176 frees it when `upper` is 0 or larger than it was, and overloads none before its next connection.
 */
export function setThresholds(set: BackendSet, slot: number, { upper, lower }: Thresholds, kernel: Kernel): void {
  const raised = upper === 0 || upper > set.upper[slot]!;
  set.upper[slot] = upper;
  set.lower[slot] = lower;
  if (kernel !== "6.1.176") evaluate(set, slot);
  else if (raised) set.overloaded[slot] = 0;
}

/** Between the two thresholds a slot stays what it is. */
function evaluate(set: BackendSet, slot: number): void {
  const upper = set.upper[slot]!;
  if (upper === 0 || total(set, slot) < freeBelow(set, slot)) set.overloaded[slot] = 0;
  else if (total(set, slot) >= upper) set.overloaded[slot] = 1;
}

/** Both generations free below 3/4 of `upper`: t < u − ⌊u/4⌋ ⇔ 4·t < 3·u for whole numbers. */
function freeBelow({ upper, lower }: BackendSet, slot: number): number {
  return lower[slot]! > 0 ? lower[slot]! : upper[slot]! - (upper[slot]! >> 2);
}

function total({ active, inactive }: BackendSet, slot: number): number {
  return active[slot]! + inactive[slot]!;
}
