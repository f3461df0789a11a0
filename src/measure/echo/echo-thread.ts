import { parentPort, workerData } from "node:worker_threads";
import { isSluiceError } from "../../core/errors.ts";
import { type BackendCount, createBackendCounters, readBackendCounts } from "./counters.ts";
import type { BackendSpec } from "./echo.ts";
import { openEchoes } from "./open.ts";

/** What the thread is started with. */
export interface EchoThreadData {
  readonly specs: readonly BackendSpec[];
}

export type EchoRequest =
  /** Asks for the counts. @param newSlice what is told apart within a slice is told apart anew from now on. */
  { readonly kind: "count"; readonly newSlice: boolean } | { readonly kind: "close" };

export type EchoReply =
  | { readonly kind: "open"; readonly ports: readonly number[] }
  /** It could not listen; the thread ends by itself. */
  | { readonly kind: "refused"; readonly message: string; readonly missing: string }
  | { readonly kind: "counts"; readonly counts: readonly BackendCount[] };

const port = parentPort!;
const { specs } = workerData as EchoThreadData;
const counters = createBackendCounters(specs.length);
const reply = (message: EchoReply): void => port.postMessage(message);
try {
  const echoes = await openEchoes(specs, counters);
  port.on("message", (request: EchoRequest) => {
    if (request.kind === "count") {
      if (request.newSlice) echoes.newSlice();
      reply({ kind: "counts", counts: readBackendCounts(counters) });
    } else {
      port.close();
      void echoes.close();
    }
  });
  reply({ kind: "open", ports: echoes.ports });
} catch (error) {
  if (!isSluiceError(error, "HOST_UNABLE")) throw error;
  reply({ kind: "refused", message: error.message, missing: error.details.missing });
}
