import { type ErrorCode, SluiceError } from "../core/errors.ts";

/** What the exit code of every command means. */
export const ExitCode = {
  done: 0,
  /** The answer is "no": a difference, a failed check. */
  no: 1,
  /** Bad usage, or bad input. */
  usage: 2,
  /** This host cannot do it. */
  unable: 3,
  /** Tried, and refused or failed while running. */
  failed: 4,
} as const;

const byErrorCode: Readonly<Record<ErrorCode, number>> = {
  CONFIG_INVALID: ExitCode.usage,
  INPUT_INVALID: ExitCode.usage,
  INPUT_UNREADABLE: ExitCode.usage,
  OUTPUT_UNWRITABLE: ExitCode.failed,
  BALANCER_INVALID: ExitCode.usage,
  RULE_TEXT_INVALID: ExitCode.usage,
  RULESET_UNKNOWN_CHAIN: ExitCode.failed,
  RULESET_LOOP: ExitCode.failed,
  HOST_UNABLE: ExitCode.unable,
  COMMAND_FAILED: ExitCode.failed,
  DATAPLANE_FAILED: ExitCode.failed,
};

export function exitCodeOf(error: unknown): number {
  if (error instanceof SluiceError) return byErrorCode[error.code as ErrorCode];
  return isUsageError(error) ? ExitCode.usage : ExitCode.failed;
}

/** yargs wraps what a reader of an option throws. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && error.name === "YError";
}

/** One line for what the user did; the whole stack for what we did. */
export function messageOf(error: unknown): string {
  if (error instanceof SluiceError || isUsageError(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
