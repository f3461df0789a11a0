import type { BackendSet } from "./backend-set.ts";

/**
 * Compares the overhead per weight of two slots of weight above 0: below 0 if the first has less, 0 if both have the
 * same, above 0 if it has more. Exact for all counts and weights.
 *
 * @param perActive what an active connection weighs against an inactive one, as `activeOverhead` gives it.
 */
export function compareOverheads(
  { active, inactive, weight }: BackendSet,
  perActive: number,
  a: number,
  b: number,
): number {
  // o/w < p/v ⇔ o·v < p·w. Taken apart, both differences are exact, below 2⁴⁷. Their sum can round only where the
  // first part is above 2⁵³; then it alone decides.
  const byActive = active[a]! * weight[b]! - active[b]! * weight[a]!;
  const byInactive = inactive[a]! * weight[b]! - inactive[b]! * weight[a]!;
  return perActive * byActive + byInactive;
}
