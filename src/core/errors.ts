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
  /** A balancer was asked for with options or backends that it cannot have. */
  BALANCER_INVALID: { path: string; expected: string; received: string };
  /** A rule jumps to a chain that its table does not hold: a bug in the compiler, or a cut dump. */
  RULESET_UNKNOWN_CHAIN: { chain: string; from: string };
  /** This host lacks something that the request needs. */
  HOST_UNABLE: { missing: string };
  /** A command of the host ran and failed. */
  COMMAND_FAILED: { argv: readonly string[]; exitCode: number | null; stderr: string };
  /** A dataplane tried to carry a program out and could not. */
  DATAPLANE_FAILED: { dataplane: string; what: string };
}
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
  const shown = typeof received === "string" ? received : String(JSON.stringify(received));
  return new SluiceError("CONFIG_INVALID", `${path}: expected ${expected}, got ${shown}`, {
    path,
    expected,
    received: shown,
  });
}

/** Marks a branch the types rule out; reaching it is a bug in this library. */
export function assertNever(value: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(value)}`);
}
