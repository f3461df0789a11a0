import { Worker } from "node:worker_threads";

/** A thread that says one thing for each thing it is asked, in order. */
export interface Thread<Request, Reply> {
  /** The next thing that the thread says. Rejects when the thread fails or ends instead. */
  next(): Promise<Reply>;
  /** Sends without waiting. */
  tell(request: Request): void;
  /** The share of the time since the last call, or since its start, in which the thread had something to do, 0…1. */
  busyShare(): number;
  /** Resolves when the thread has ended, however it did. */
  readonly ended: Promise<void>;
}

interface Waiting<Reply> {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** @param file of `threadFile`. @param workerData what the thread finds as `workerData`. */
export function startThread<Request, Reply>(file: URL, workerData?: unknown): Thread<Request, Reply> {
  const worker = new Worker(file, { workerData });
  const waiting: Waiting<Reply>[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const one of waiting.splice(0)) one.reject(failure);
  };
  worker.on("message", (reply: Reply) => waiting.shift()?.resolve(reply));
  worker.on("error", fail);
  const ended = new Promise<void>((resolve) => {
    worker.on("exit", () => {
      fail(new Error(`the thread of ${file.pathname} has ended`));
      resolve();
    });
  });
  let counted = worker.performance.eventLoopUtilization();
  return {
    busyShare() {
      const now = worker.performance.eventLoopUtilization();
      const { utilization } = worker.performance.eventLoopUtilization(now, counted);
      counted = now;
      return Number.isFinite(utilization) ? utilization : 0;
    },
    next: () =>
      new Promise((resolve, reject) => {
        if (failure === undefined) waiting.push({ resolve, reject });
        else reject(failure);
      }),
    tell: (request) => worker.postMessage(request, []),
    ended,
  };
}
