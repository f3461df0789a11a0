/** What each failure carries. Adding a code here is the only way to add one. */
export interface ErrorDetails {
  /** An option, a flag or a configuration field that is not what it must be. */
  CONFIG_INVALID: { path: string; expected: string; received: string };
  /** A document of the input that cannot be read as what it says it is. */
  INPUT_INVALID: {
    file: string;
    line: number | undefined;
    column: number | undefined;
    field: string;
    expected: string;
    received: string;
  };
  /** A file or folder of the input that cannot be opened. */
  INPUT_UNREADABLE: { file: string; reason: string };
  /** A file of ours that cannot be written. */
  OUTPUT_UNWRITABLE: { file: string; reason: string };
  /** A balancer was asked for with options or backends that it cannot have. */
  BALANCER_INVALID: { path: string; expected: string; received: string };
  /** A rule jumps to a chain that its table does not hold: a bug in the compiler, or a cut dump. */
  RULESET_UNKNOWN_CHAIN: { chain: string; from: string };
  /** Chains that jump round in a circle, in the order of the jumps; the kernel refuses such a table. */
  RULESET_LOOP: { chains: readonly string[] };
  /** A program holds a text that its kernel's syntax could take for something else: it is not written at all. */
  RULE_TEXT_INVALID: { path: string; expected: string; received: string };
  /** This host lacks something that the request needs. */
  HOST_UNABLE: { missing: string };
  /** A command of the host ran and failed. */
  COMMAND_FAILED: { argv: readonly string[]; exitCode: number | null; stderr: string };
  /** A dataplane tried to carry a program out and could not. */
  DATAPLANE_FAILED: {
    dataplane: string;
    what: string;
    /** The families of IP whose part could not be carried out, 4 or 6; what is of others is in force. Absent: nothing is. */
    families?: readonly number[];
  };
}
/** What kind of failure it was. */
export type ErrorCode = keyof ErrorDetails;

/** The one error this project throws. Branch on `code`, never on `message`. */
export class SluiceError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "SluiceError";
  readonly code: C;
  readonly details: ErrorDetails[C];

  constructor(code: C, message: string, details: ErrorDetails[C], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** Narrows to one code, so that `details` has the shape of that code. */
export function isSluiceError<C extends ErrorCode>(error: unknown, code: C): error is SluiceError<C> {
  return error instanceof SluiceError && error.code === code;
}

/** An option or flag is wrong: `path` names it, `expected` says what would have been right. */
export function configInvalid(path: string, expected: string, received: unknown): SluiceError<"CONFIG_INVALID"> {
  return invalid("CONFIG_INVALID", path, expected, received);
}

/** An option, a backend or a call of a balancer is wrong. @param path such as `backends[2].weight`. */
export function balancerInvalid(path: string, expected: string, received: unknown): SluiceError<"BALANCER_INVALID"> {
  return invalid("BALANCER_INVALID", path, expected, received);
}

function invalid<C extends "CONFIG_INVALID" | "BALANCER_INVALID">(
  code: C,
  path: string,
  expected: string,
  received: unknown,
): SluiceError<C> {
  const shown = textOf(received);
  return new SluiceError(code, `${path}: expected ${expected}, got ${shown}`, { path, expected, received: shown });
}

/** JSON has no NaN, and refuses a bigint and what contains itself. */
function textOf(value: unknown): string {
  if (typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Marks a branch the types rule out; reaching it is a bug in this library. */
export function assertNever(value: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(value)}`);
}
