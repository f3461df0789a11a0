import type { Estimate } from "./result.ts";

/**
 * A control is the same thing measured twice in each block, under two names: whatever differs between the two is noise, and
 * an interval that says otherwise is too short. Of 95 % intervals one in 20 does by chance alone.
 */

/** @param ratio of the one to the other. @returns null where nobody can tell. */
export function holdsOne({ interval }: Estimate): boolean | null {
  return interval === null ? null : interval[0] <= 1 && 1 <= interval[1];
}

/** @param difference of the two. @returns null where nobody can tell. */
export function holdsZero(difference: Estimate): boolean | null {
  const { value, interval } = difference;
  if (interval !== null) return interval[0] <= 0 && 0 <= interval[1];
  // The same in every block: it has no interval, and needs none.
  return difference.reason === "no-spread" && value !== null ? value === 0 : null;
}

/** Of several figures: true when one of them differs; null: none does, but of some nobody can tell. */
export function someDiffers(holding: readonly (boolean | null)[]): boolean | null {
  if (holding.includes(false)) return true;
  return holding.includes(null) ? null : false;
}
