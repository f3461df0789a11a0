import type { EmulatedTrials } from "../../measure/emulated/summarize-emulated.ts";
import { runTasks } from "../pool.ts";
import type { decisionTimesTask } from "../tasks/decision-times-task.ts";
import { type EmulatedCase, SWEEP_BLOCKS } from "./emulated-subjects.ts";
import type { DecisionTimesRequest } from "./decision-times.ts";
import type { SweepRequest, SweptBlock } from "./sweep.ts";

/**
 * Sweeps all cases on all processors, then times them one after the other in one thread.
 *
 * @param threads of the sweeps, which do not change what comes out. @default as many as there are processors
 * @returns one a case, in their order.
 */
export async function runSweeps(
  cases: readonly EmulatedCase[],
  seed: number,
  threads?: number,
): Promise<EmulatedTrials[]> {
  const sweeps = cases.map(({ sweep }) => sweep);
  const swept = await sweepAll(sweeps, threads);
  const [times] = await timeAll(cases.length === 0 ? [] : [{ sweeps, blocks: SWEEP_BLOCKS, seed }]);
  return cases.map(({ subject, what, service, promise, sweep }, at) => {
    const { lanes } = sweep;
    return { subject, what, service, promise, lanes, blocks: swept[at]!, decisionNs: times![at]! };
  });
}

/** What does not depend on time: the same for every number of threads. */
export function sweepAll(sweeps: readonly SweepRequest[], threads?: number): Promise<(readonly SweptBlock[])[]> {
  return runTasks({ file: "sweep-task", name: "sweepTask" }, sweeps, threads);
}

function timeAll(requests: readonly DecisionTimesRequest[]): Promise<ReturnType<typeof decisionTimesTask>[]> {
  return runTasks({ file: "decision-times-task", name: "decisionTimesTask" }, requests, 1);
}
