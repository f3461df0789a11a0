import { parentPort, workerData } from "node:worker_threads";
import { isSluiceError } from "../../core/errors.ts";
import type { BackendCounters } from "./counters.ts";
import type { BackendSpec } from "./echo.ts";
import { openEchoes } from "./open.ts";

/** What the thread is started with. */
export interface EchoThreadData {
  readonly specs: readonly BackendSpec[];
  readonly counters: BackendCounters;
}

export type EchoRequest = { readonly kind: "new-slice" } | { readonly kind: "close" };

export type EchoReply =
  | { readonly kind: "open"; readonly ports: readonly number[] }
  /** It could not listen; the thread ends by itself. */
  | { readonly kind: "refused"; readonly message: string; readonly missing: string }
  | { readonly kind: "new-slice" };

const port = parentPort!;
const { specs, counters } = workerData as EchoThreadData;
const reply = (message: EchoReply): void => port.postMessage(message);
try {
  const echoes = await openEchoes(specs, counters);
  port.on("message", (request: EchoRequest) => {
    if (request.kind === "new-slice") {
      echoes.newSlice();
      reply({ kind: "new-slice" });
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
