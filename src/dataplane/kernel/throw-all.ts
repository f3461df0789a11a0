import { isSluiceError } from "../../core/errors.ts";
import { kernelFailed } from "./commands.ts";

/** Throws one DATAPLANE_FAILED for all that failed; nothing where nothing did. */
export function throwAll(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  if (reasons.length === 0) return;
  const texts = reasons.map((reason) =>
    isSluiceError(reason, "DATAPLANE_FAILED") ? reason.details.what : String(reason),
  );
  throw kernelFailed(texts.join("; "), reasons[0]);
}
