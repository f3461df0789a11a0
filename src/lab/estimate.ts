import type { Interval, IntervalRequest } from "../measure/intervals.ts";
import { runTasks } from "./pool.ts";

/**
 * Works out intervals on all processors.
 *
 * @param threads at most so many; undefined: as many as there are processors.
 * @returns one interval a request, in their order.
 */
export function estimateIntervals(requests: readonly IntervalRequest[], threads?: number): Promise<Interval[]> {
  return runTasks({ file: "interval-task", name: "intervalTask" }, requests, threads);
}
