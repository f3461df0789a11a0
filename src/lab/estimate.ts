import { Piscina } from "piscina";
import { threadFile } from "../host/thread-file.ts";
import type { Interval, IntervalRequest } from "../measure/intervals.ts";
import type { intervalTask } from "./tasks/interval-task.ts";

/**
 * Works out intervals on all processors; the pool lives only meanwhile, so that it never stands beside a measurement.
 * Each interval has its own seed: the number of threads does not change the results.
 *
 * @returns one interval a request, in their order.
 */
export async function estimateIntervals(requests: readonly IntervalRequest[]): Promise<Interval[]> {
  const pool = new Piscina<Parameters<typeof intervalTask>[0], ReturnType<typeof intervalTask>>({
    filename: threadFile(import.meta.url, "tasks/interval-task").href,
    name: "intervalTask",
  });
  try {
    return await Promise.all(requests.map((request) => pool.run(request)));
  } finally {
    await pool.destroy();
  }
}
