import { SluiceError } from "../../core/errors.ts";
import { threadFile } from "../../host/thread-file.ts";
import { startThread } from "../thread.ts";
import type { BackendCount } from "./counters.ts";
import type { EchoReply, EchoRequest, EchoThreadData } from "./echo-thread.ts";
import type { BackendSpec } from "./echo.ts";

/** Echo backends in a thread of their own. */
export interface EchoBackends {
  /** The port of each, in the order of the specs. */
  readonly ports: readonly number[];
  /** Starts to tell UDP flows apart anew. @returns the counts so far; read them when the backends are at rest. */
  newSlice(): Promise<readonly BackendCount[]>;
  /** What they have seen so far; ask when they are at rest. */
  counts(): Promise<readonly BackendCount[]>;
  /** As of `Thread`. */
  busyShare(): Promise<number>;
  close(): Promise<void>;
}

/**
 * @param netns the network namespace in which they listen. @default the one that we are in
 * @throws {SluiceError} HOST_UNABLE when one of them cannot listen; then none does.
 */
export async function startEchoBackends(specs: readonly BackendSpec[], netns?: string): Promise<EchoBackends> {
  const workerData: EchoThreadData = { specs };
  const thread = startThread<EchoRequest, EchoReply>(threadFile(import.meta.url, "echo-thread"), { workerData, netns });
  const first = await thread.next();
  if (first.kind === "refused") {
    throw new SluiceError("HOST_UNABLE", first.message, { missing: first.missing });
  }
  if (first.kind !== "open") throw unexpected(first);
  const count = async (newSlice: boolean): Promise<readonly BackendCount[]> => {
    const answer = thread.next();
    thread.tell({ kind: "count", newSlice });
    const reply = await answer;
    if (reply.kind !== "counts") throw unexpected(reply);
    return reply.counts;
  };
  return {
    ports: first.ports,
    newSlice: () => count(true),
    counts: () => count(false),
    busyShare: thread.busyShare,
    close() {
      thread.tell({ kind: "close" });
      return thread.ended;
    },
  };
}

function unexpected({ kind }: EchoReply): TypeError {
  return new TypeError(`an echo thread said ${kind}`);
}
