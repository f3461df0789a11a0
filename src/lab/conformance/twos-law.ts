import { type BackendSet, listed, usable } from "../../balancers/backend-set.ts";
import { activeOverhead, type Kernel } from "../../balancers/kernel.ts";
import { compareOverheads } from "../../balancers/overhead.ts";

/** What the scheduler twos may pick now. */
export interface TwosLaw {
  /** How likely each usable slot is picked; they add up to 1. */
  readonly chances: ReadonlyMap<number, number>;
  /** By usable slot: a number that, drawn twice, has it picked. */
  readonly draws: ReadonlyMap<number, number>;
}

/**
 * Of two draws, each of a whole number in [0, W], the second one's backend is taken if its overhead / weight is smaller.
 * So a backend is picked when it is drawn first and the second is not less loaded, or drawn second after a more loaded
 * one. O(n²).
 */
export function twosLaw(set: BackendSet, kernel: Kernel): TwosLaw {
  const perActive = activeOverhead(kernel);
  const slots = listed(set).filter((slot) => usable(set, slot));
  const draws = new Map<number, number>();
  let weights = 0;
  for (const slot of slots) draws.set(slot, (weights += set.weight[slot]!));
  // 0 is a draw of the first one, too.
  const drawn = (slot: number): number => (set.weight[slot]! + (slot === slots[0] ? 1 : 0)) / (weights + 1);
  const chance = (slot: number): number =>
    slots.reduce((sum, other) => {
      const order = compareOverheads(set, perActive, other, slot);
      return sum + drawn(slot) * drawn(other) * ((order >= 0 ? 1 : 0) + (order > 0 ? 1 : 0));
    }, 0);
  return { chances: new Map(slots.map((slot) => [slot, chance(slot)])), draws };
}
