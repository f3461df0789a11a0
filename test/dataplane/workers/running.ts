/** A workers dataplane whose threads a test can get at. */
import type { Worker } from "node:worker_threads";
import { lineLog } from "../../../src/core/log.ts";
import { chooseEngine, type EngineName } from "../../../src/dataplane/workers/choose-engine.ts";
import type { WorkersOptions } from "../../../src/dataplane/workers/options.ts";
import { spawnWorker } from "../../../src/dataplane/workers/worker-thread.ts";
import { createWorkersDataplane, type WorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { suite, type Suite, type SuiteOptions } from "../../support/suite.ts";
import { until } from "./peers.ts";

export interface Running extends WorkersDataplane {
  readonly logged: readonly string[];
  /** Where the frontend of this kind of a service port listens. */
  at(servicePort?: string, kind?: string): SocketAddr;
  /** Seats of the workers that listen for a service port. */
  ownersOf(servicePort: string): readonly number[];
  /** Ends the thread of a seat as nothing in the program does, and waits until it is gone. */
  terminate(seat: number): Promise<void>;
  /** Has the thread of a seat throw, by a message that it does not know, and waits until it is gone. */
  poison(seat: number): Promise<void>;
  /** Resolves when every seat has a thread and every frontend that can be served is. */
  whole(): Promise<void>;
}

/** A test's own run with a dataplane of two workers, closed at the end whatever happens. */
type Run = (options: WorkersOptions, run: (dataplane: Running) => Promise<void>) => Promise<void>;

/** Declares a suite for each engine, and skips, with the reason, the one that this host does not have. */
export function forEachEngine(
  name: string,
  declare: (test: Suite, running: Run, engine: EngineName) => void,
  { engines = ["node", "native"], ...options }: SuiteOptions & { readonly engines?: readonly EngineName[] } = {},
): void {
  for (const engine of engines) {
    const test = suite(`${name}, ${engine} engine`, { timeoutMs: 60_000, ...options });
    const missing = whyMissing(engine);
    if (missing !== undefined) test.skip("all of it", missing);
    else declare(test, (options, run) => running({ engine, ...options }, run), engine);
  }
}

/** @returns undefined: this host has it. */
export function whyMissing(engine: EngineName): string | undefined {
  try {
    chooseEngine(engine);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function running(options: WorkersOptions, run: (dataplane: Running) => Promise<void>): Promise<void> {
  const threads: Worker[] = [];
  const logged: string[] = [];
  const log = lineLog((line) => logged.push(line.trimEnd()));
  const dataplane = createWorkersDataplane({ workers: 2, seed: 1, log, ...options }, (file, threadOptions) => {
    const thread = spawnWorker(file, threadOptions);
    threads.push(thread);
    return thread;
  });
  const threadAt = (seat: number): Worker => {
    const { threadId } = dataplane.status().workers[seat]!;
    return threads.find((thread) => thread.threadId === threadId)!;
  };
  const listenerOf = (servicePort: string, kind: string) =>
    dataplane.status().listeners.find((one) => one.frontend.servicePort === servicePort && one.frontend.kind === kind)!;
  try {
    await run({
      ...dataplane,
      logged,
      at: (servicePort = "default/web", kind = "cluster-ip") => listenerOf(servicePort, kind).at!,
      ownersOf: (servicePort) => listenerOf(servicePort, "cluster-ip").workers,
      async terminate(seat) {
        await threadAt(seat).terminate();
      },
      async poison(seat) {
        const thread = threadAt(seat);
        // Not `once` of node:events, which would reject with the thread's error.
        const gone = new Promise((resolve) => thread.once("exit", resolve));
        thread.postMessage({ number: 0, message: { kind: "nonsense" } }, []);
        await gone;
      },
      whole: () =>
        until(() => {
          const { workers, listeners } = dataplane.status();
          const served = listeners.every(({ at, reason }) => at !== undefined || reason !== "no worker has it");
          return served && workers.every(({ state }) => state === "running");
        }),
    });
  } finally {
    await dataplane.close();
  }
}
