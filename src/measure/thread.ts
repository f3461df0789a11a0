import { Worker } from "node:worker_threads";
import { createInbox } from "./inbox.ts";
import { startThreadIn } from "./netns-thread.ts";

/** A thread that says one thing for each thing it is asked, in order. */
export interface Thread<Request, Reply> {
  /** The next thing that the thread says. Rejects when the thread fails or ends instead. */
  next(): Promise<Reply>;
  /** Sends without waiting. */
  tell(request: Request): void;
  /** The share of the time since the last call, or since its start, in which the thread had something to do, 0…1. */
  busyShare(): Promise<number>;
  /** Resolves when the thread has ended, however it did. */
  readonly ended: Promise<void>;
}

export interface ThreadOptions {
  /** What the thread finds as `workerData`: plain data. */
  readonly workerData?: unknown;
  /**
   * The network namespace that it works in, by name; the thread is then one of a process of its own, since threads of one
   * process cannot each have another.
   * @default the one that we are in
   */
  readonly netns?: string | undefined;
}

/** @param file of `threadFile`. */
export function startThread<Request, Reply>(file: URL, options: ThreadOptions = {}): Thread<Request, Reply> {
  return options.netns === undefined ? startOwnThread(file, options) : startThreadIn(options.netns, file, options);
}

/** In this process. */
export function startOwnThread<Request, Reply>(file: URL, { workerData }: ThreadOptions): Thread<Request, Reply> {
  const worker = new Worker(file, { workerData });
  const inbox = createInbox<Reply>();
  worker.on("message", inbox.put);
  worker.on("error", inbox.fail);
  const ended = new Promise<void>((resolve) => {
    worker.on("exit", () => {
      inbox.fail(new Error(`the thread of ${file.pathname} has ended`));
      resolve();
    });
  });
  let counted = worker.performance.eventLoopUtilization();
  return {
    busyShare() {
      const now = worker.performance.eventLoopUtilization();
      const { utilization } = worker.performance.eventLoopUtilization(now, counted);
      counted = now;
      return Promise.resolve(Number.isFinite(utilization) ? utilization : 0);
    },
    next: inbox.next,
    tell: (request) => worker.postMessage(request, []),
    ended,
  };
}
