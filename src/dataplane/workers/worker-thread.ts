import { Worker, type WorkerOptions as ThreadOptions } from "node:worker_threads";
import { threadFile } from "../../host/thread-file.ts";
import type { Answers, Asked, ControlMessage, WorkerMessage, WorkerStart } from "./messages.ts";

/** Starts a thread that runs a file. */
export type Spawn = (file: URL, options: ThreadOptions) => Worker;

/** The control thread's end of a worker thread. */
export interface WorkerThread {
  readonly seat: number;
  readonly threadId: number;
  /** By which the system knows it, once it can be asked; undefined where the system does not tell. */
  readonly taskId: number | undefined;
  /** Resolves when it answers; undefined when it died first. */
  ask<M extends ControlMessage>(message: M): Promise<Answers[M["kind"]] | undefined>;
  /** Has it close everything and end. A thread that does not end in time is terminated. */
  stop(): Promise<void>;
}

export interface ThreadEvents {
  /** It can be asked. */
  ready(thread: WorkerThread): void;
  /** It is gone, with all its sockets. @param reason undefined: it was told to stop. */
  ended(reason: string | undefined): void;
}

/** How long a thread may take to close its sockets. */
const STOP_MS = 2000;

/**
 * How many seconds a thread may take to answer; one that takes longer is stuck, serves nobody, and is terminated. From
 * `hold` to `release` new flows of all workers wait for the last one to answer.
 */
const patience = Object.freeze({
  prepare: 60,
  open: 60,
  close: 60,
  hold: 5,
  switch: 5,
  release: 5,
  // Whoever asks these has a deadline.
  drain: Infinity,
  stop: Infinity,
} as const satisfies Record<ControlMessage["kind"], number>);

export const spawnWorker: Spawn = (file, options) => new Worker(file, options);

export function startWorkerThread(start: WorkerStart, spawn: Spawn, events: ThreadEvents): WorkerThread {
  const name = `sluice-worker-${start.seat}`;
  const worker = spawn(threadFile(import.meta.url, "worker"), { workerData: start, name });
  const waiting = new Map<number, (answer: Answers[keyof Answers]) => void>();
  let asked = 0;
  let stopping = false;
  let failure: string | undefined;
  let dead = false;
  let taskId: number | undefined;
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));

  const thread: WorkerThread = {
    seat: start.seat,
    threadId: worker.threadId,
    get taskId() {
      return taskId;
    },
    ask(message) {
      const number = asked++;
      return new Promise((resolve) => {
        if (dead) return resolve(undefined);
        const enough = countSeconds(patience[message.kind], () => {
          failure = `it did not answer ${message.kind} within ${patience[message.kind]} s`;
          void worker.terminate();
        });
        waiting.set(number, (answer) => {
          enough();
          (resolve as (answer: Answers[keyof Answers]) => void)(answer);
        });
        worker.postMessage({ number, message } satisfies Asked, []);
      });
    },
    async stop() {
      stopping = true;
      void thread.ask({ kind: "stop" });
      const timer = setTimeout(() => void worker.terminate(), STOP_MS);
      await exited;
      clearTimeout(timer);
    },
  };
  worker.on("message", (message: WorkerMessage) => {
    if (message.kind === "ready") {
      taskId = message.taskId;
      return events.ready(thread);
    }
    waiting.get(message.number)?.(message.answer);
    waiting.delete(message.number);
  });
  worker.on("error", (error) => (failure = error instanceof Error ? error.message : String(error)));
  worker.once("exit", (code) => {
    dead = true;
    // Before those who wait go on: they have to see that it is gone.
    events.ended(stopping ? undefined : (failure ?? `exit code ${code}`));
    for (const resolve of waiting.values()) resolve(undefined);
  });
  return thread;
}

/**
 * Calls when so many seconds have gone by in which this thread was there to hear an answer: one that was held up, or
 * whose process was stopped, counts none of them.
 *
 * @returns what takes it back.
 */
function countSeconds(seconds: number, call: () => void): () => void {
  if (seconds === Infinity) return () => {};
  let left = seconds;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    call();
  }, 1000);
  return () => clearInterval(timer);
}
