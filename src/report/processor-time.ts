import type { Estimate } from "../measure/result.ts";
import { formatLatency, NONE } from "./format.ts";

/** Processor time for one operation, or for 10⁶ bytes. */
export function formatCost(cost: Estimate | undefined): string {
  return cost === undefined ? NONE : formatLatency(cost);
}
