import { type SweepRequest, type SweptBlock, sweepFlows } from "../emulated/sweep.ts";

/** Sweeps one program in a thread of the pool. */
export function sweepTask(request: SweepRequest): Promise<readonly SweptBlock[]> {
  return sweepFlows(request);
}
