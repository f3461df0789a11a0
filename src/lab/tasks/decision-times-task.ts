import { type DecisionTimesRequest, timeDecisions } from "../emulated/decision-times.ts";

/** Times all programs in one thread of the pool: beside others they would wait for the same processors. */
export function decisionTimesTask(request: DecisionTimesRequest): readonly (readonly number[])[] {
  return timeDecisions(request);
}
