/** A worker that stops dead when it is told to `stick`, as one that is caught in a loop. */
import { parentPort } from "node:worker_threads";
import type { Asked } from "../../../src/dataplane/workers/messages.ts";

parentPort!.on("message", ({ message }: Omit<Asked, "message"> & { readonly message: { readonly kind: string } }) => {
  if (message.kind === "stick") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
await import("../../../src/dataplane/workers/worker.ts");
