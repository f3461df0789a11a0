import { threadFile } from "../../host/thread-file.ts";
import { startThread } from "../thread.ts";
import type { LoadReply, LoadRequest } from "./load-thread.ts";
import type { LoadSample, LoadTask } from "./task.ts";

/** A load generator in a thread of its own. */
export interface LoadGenerator {
  /** Runs one slice; one at a time. @param signal ends it early, with what was counted until then. */
  run(task: LoadTask, signal?: AbortSignal): Promise<LoadSample>;
  /** As of `Thread`. */
  busyShare(): number;
  close(): Promise<void>;
}

export function startLoadGenerator(): LoadGenerator {
  const thread = startThread<LoadRequest, LoadReply>(threadFile(import.meta.url, "load-thread"));
  return {
    async run(task, signal) {
      const stop = (): void => thread.tell({ kind: "stop" });
      const reply = thread.next();
      thread.tell({ kind: "run", task });
      signal?.addEventListener("abort", stop, { once: true });
      if (signal?.aborted === true) stop();
      try {
        return (await reply).sample;
      } finally {
        signal?.removeEventListener("abort", stop);
      }
    },
    busyShare: thread.busyShare,
    close() {
      thread.tell({ kind: "close" });
      return thread.ended;
    },
  };
}
