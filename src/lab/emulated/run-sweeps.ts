import type { EmulatedTrials } from "../../measure/emulated/summarize-emulated.ts";
import { runTasks } from "../pool.ts";
import type { decisionTimesTask } from "../tasks/decision-times-task.ts";
import { type EmulatedCase, SWEEP_BLOCKS } from "./emulated-subjects.ts";
import type { DecisionTimesRequest } from "./decision-times.ts";
import type { SweepRequest, SweptBlock } from "./sweep.ts";

/**
 * Sweeps all cases on all processors, then times them one after the other in one thread: those that are the first of their
 * service twice, as a control.
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
  const twice = firstOfServices(cases);
  const timed = [...sweeps, ...twice.map((at) => sweeps[at]!)];
  const [times] = await timeAll(cases.length === 0 ? [] : [{ sweeps: timed, blocks: SWEEP_BLOCKS, seed }]);
  const again = new Map(twice.map((at, place) => [at, times![sweeps.length + place]!]));
  return cases.map(({ subject, what, service, promise, sweep }, at) => {
    const { lanes } = sweep;
    const ns = { decisionNs: times![at]!, againNs: again.get(at) };
    return { subject, what, service, promise, lanes, blocks: swept[at]!, ...ns };
  });
}

/** @returns places in the cases. */
function firstOfServices(cases: readonly EmulatedCase[]): readonly number[] {
  const ports = cases.map(({ service }) => service.service.servicePort);
  return ports.flatMap((port, at) => (ports.indexOf(port) === at ? [at] : []));
}

/** What does not depend on time: the same for every number of threads. */
export function sweepAll(sweeps: readonly SweepRequest[], threads?: number): Promise<(readonly SweptBlock[])[]> {
  return runTasks({ file: "sweep-task", name: "sweepTask" }, sweeps, threads);
}

function timeAll(requests: readonly DecisionTimesRequest[]): Promise<ReturnType<typeof decisionTimesTask>[]> {
  return runTasks({ file: "decision-times-task", name: "decisionTimesTask" }, requests, 1);
}
