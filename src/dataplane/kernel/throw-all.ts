import { isSluiceError, SluiceError } from "../../core/errors.ts";
import type { Family } from "../../net/ip.ts";
import { kernelFailed } from "./commands.ts";

/**
 * Throws one DATAPLANE_FAILED for all that failed; nothing where nothing did. What is no failure of the kernel's, such as
 * bad input, is thrown as it is.
 *
 * @param families those that the outcomes are of, one each; undefined where they are of something else.
 */
export function throwAll(outcomes: readonly PromiseSettledResult<unknown>[], families?: readonly Family[]): void {
  const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  if (reasons.length === 0) return;
  for (const reason of reasons) if (!isFailure(reason)) throw reason;
  const texts = reasons.filter(isFailure).map(whatOf);
  const failed = families?.filter((_, index) => outcomes[index]!.status === "rejected");
  throw kernelFailed(texts.join("; "), reasons[0], failed);
}

type Failure = SluiceError<"DATAPLANE_FAILED"> | SluiceError<"COMMAND_FAILED">;

function isFailure(reason: unknown): reason is Failure {
  return isSluiceError(reason, "DATAPLANE_FAILED") || isSluiceError(reason, "COMMAND_FAILED");
}

function whatOf(reason: Failure): string {
  return isSluiceError(reason, "DATAPLANE_FAILED") ? reason.details.what : reason.message;
}
