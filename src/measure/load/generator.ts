import { threadFile } from "../../host/thread-file.ts";
import { startThread } from "../thread.ts";
import type { LoadReply, LoadRequest } from "./load-thread.ts";
import type { LoadSample, LoadTask } from "./task.ts";

/** `native`: a process, C and epoll. `node`: a thread, net and dgram. */
export const generatorNames = ["native", "node"] as const;
export type GeneratorName = (typeof generatorNames)[number];

/** A load generator beside us. */
export interface LoadGenerator {
  readonly name: GeneratorName;
  /** Runs one slice; one at a time. @param signal ends it early, with what was counted until then. */
  run(task: LoadTask, signal?: AbortSignal): Promise<LoadSample>;
  /** As of `Thread`. */
  busyShare(): Promise<number>;
  close(): Promise<void>;
}

/** The generator in a thread. @param netns the network namespace that it sends from. @default the one that we are in */
export function startNodeGenerator(netns?: string): LoadGenerator {
  const thread = startThread<LoadRequest, LoadReply>(threadFile(import.meta.url, "load-thread"), { netns });
  return {
    name: "node",
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
