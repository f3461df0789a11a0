import { parentPort } from "node:worker_threads";
import { threadClock } from "../../core/clock.ts";
import { runLoad } from "./run-load.ts";
import type { LoadSample, LoadTask } from "./task.ts";

export type LoadRequest =
  | { readonly kind: "run"; readonly task: LoadTask }
  /** Ends the slice that runs now. */
  | { readonly kind: "stop" }
  | { readonly kind: "close" };

export interface LoadReply {
  readonly kind: "sample";
  readonly sample: LoadSample;
}

const port = parentPort!;
let running = new AbortController();
port.on("message", (request: LoadRequest) => {
  if (request.kind === "run") void run(request.task);
  else {
    running.abort();
    if (request.kind === "close") port.close();
  }
});

async function run(task: LoadTask): Promise<void> {
  running = new AbortController();
  const sample = await runLoad(task, threadClock, running.signal);
  port.postMessage({ kind: "sample", sample } satisfies LoadReply);
}
