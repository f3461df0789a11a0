import { FEWEST_BLOCKS } from "./intervals.ts";
import type { Estimate, Missing, Unit } from "./result.ts";
import { studentT } from "./student-t.ts";

/**
 * The mean of one value a block and Student's 95 % interval: for counts and times that can be 0, which have no
 * logarithms. An interval of figures that cannot be below 0 does not go there.
 *
 * @param missing why there is no value at all, where `values` is empty.
 * @returns no interval with fewer than five blocks, nor where all came to the same.
 */
export function meanEstimate(values: readonly number[], unit: Unit, missing: Missing = "too-few-blocks"): Estimate {
  const n = values.length;
  if (n === 0) return { value: null, interval: null, unit, reason: missing };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < FEWEST_BLOCKS) return { value: mean, interval: null, unit, reason: "too-few-blocks" };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  // Sums of fractions that are all alike differ in their last digits.
  if (squares <= Number.EPSILON * n * mean * mean) return { value: mean, interval: null, unit, reason: "no-spread" };
  const half = studentT(n - 1) * Math.sqrt(squares / (n - 1) / n);
  const lowest = values.some((value) => value < 0) ? -Infinity : 0;
  return { value: mean, interval: [Math.max(mean - half, lowest), mean + half], unit };
}
