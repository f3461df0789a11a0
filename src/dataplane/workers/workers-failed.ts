import { isSluiceError, SluiceError } from "../../core/errors.ts";

/** What this dataplane could not do. @param what without a subject: `it is closed`. */
export function workersFailed(what: string, cause?: unknown): SluiceError<"DATAPLANE_FAILED"> {
  const details = { dataplane: "workers", what };
  return new SluiceError("DATAPLANE_FAILED", `workers: ${what}`, details, cause === undefined ? {} : { cause });
}

/** The same failure as one of this dataplane; what this host lacks stays what it is. */
export function asWorkersFailed(thrown: unknown): SluiceError {
  if (isSluiceError(thrown, "DATAPLANE_FAILED") || isSluiceError(thrown, "HOST_UNABLE")) return thrown;
  return workersFailed(thrown instanceof Error ? thrown.message : String(thrown), thrown);
}
