import { SluiceError } from "../../core/errors.ts";
import { threadFile } from "../../host/thread-file.ts";
import { startThread } from "../thread.ts";
import { type BackendCount, createBackendCounters, readBackendCounts } from "./counters.ts";
import type { EchoReply, EchoRequest, EchoThreadData } from "./echo-thread.ts";
import type { BackendSpec } from "./echo.ts";

/** Echo backends in a thread of their own. */
export interface EchoBackends {
  /** The port of each, in the order of the specs. */
  readonly ports: readonly number[];
  /** Starts to tell UDP flows apart anew. @returns the counts so far; read them when the backends are at rest. */
  newSlice(): Promise<BackendCount[]>;
  /** What they have seen so far; read it when they are at rest. */
  counts(): BackendCount[];
  /** As of `Thread`. */
  busyShare(): number;
  close(): Promise<void>;
}

/** @throws {SluiceError} HOST_UNABLE when one of them cannot listen; then none does. */
export async function startEchoBackends(specs: readonly BackendSpec[]): Promise<EchoBackends> {
  const counters = createBackendCounters(specs.length);
  const data: EchoThreadData = { specs, counters };
  const thread = startThread<EchoRequest, EchoReply>(threadFile(import.meta.url, "echo-thread"), data);
  const first = await thread.next();
  if (first.kind === "refused") {
    throw new SluiceError("HOST_UNABLE", first.message, { missing: first.missing });
  }
  if (first.kind !== "open") throw new TypeError(`an echo thread began with ${first.kind}`);
  return {
    ports: first.ports,
    async newSlice() {
      const reply = thread.next();
      thread.tell({ kind: "new-slice" });
      await reply;
      return readBackendCounts(counters);
    },
    counts: () => readBackendCounts(counters),
    busyShare: thread.busyShare,
    close() {
      thread.tell({ kind: "close" });
      return thread.ended;
    },
  };
}
