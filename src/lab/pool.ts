import { Piscina } from "piscina";
import { threadFile } from "../host/thread-file.ts";

/**
 * Runs tasks on all processors; the pool lives only meanwhile, so that it never stands beside a measurement. A task has
 * its own seed in its request: the number of threads does not change the results.
 *
 * @param task the file in `tasks/` and the function that it exports. @param threads at most so many; undefined: as many
 *   as there are processors.
 * @returns one answer a request, in their order.
 */
export async function runTasks<Request, Answer>(
  task: { readonly file: string; readonly name: string },
  requests: readonly Request[],
  threads?: number,
): Promise<Answer[]> {
  if (requests.length === 0) return [];
  const pool = new Piscina<Request, Answer>({
    filename: threadFile(import.meta.url, `tasks/${task.file}`).href,
    name: task.name,
    ...(threads === undefined ? {} : { minThreads: threads, maxThreads: threads }),
  });
  try {
    return await Promise.all(requests.map((request) => pool.run(request)));
  } finally {
    await pool.destroy();
  }
}
