import { isSluiceError, SluiceError } from "./errors.ts";
import { positionAt } from "./text-position.ts";
import { type JsonKey, walkJson } from "./walk-json.ts";

/**
 * Reads a JSON text, and says of what is wrong in it where it stands.
 *
 * @param file names the text in errors.
 * @param read takes the value; the INPUT_INVALID that it throws names a member by `field`, such as `[3].rule.expr[0]`,
 *   and gets the line and column of that member, or of the nearest map or list around one that is missing.
 * @throws {SluiceError} INPUT_INVALID with line and column, also for a text that is no JSON.
 */
export function readJson<T>(text: string, file: string, read: (value: unknown) => T): T {
  try {
    return read(parse(text, file));
  } catch (error) {
    if (!isSluiceError(error, "INPUT_INVALID") || error.details.line !== undefined) throw error;
    const { field, expected, received } = error.details;
    throw invalidAt(text, offsetInJson(text, keysOf(field)), { file, field, expected, received });
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { offset, expected } = walkJson(text, () => {}) ?? { offset: text.length, expected: "JSON" };
    const received = offset >= text.length ? "the end of the text" : JSON.stringify(text.slice(offset, offset + 1));
    throw invalidAt(text, offset, { file, field: "", expected, received });
  }
}

interface Fault {
  readonly file: string;
  readonly field: string;
  readonly expected: string;
  readonly received: string;
}

function invalidAt(text: string, offset: number, fault: Fault): SluiceError<"INPUT_INVALID"> {
  const { file, field, expected, received } = fault;
  const { line, column } = positionAt(text, offset);
  const where = `${file}:${line}:${column}${field === "" ? "" : `: ${field}`}`;
  const message = `${where}: expected ${expected}, got ${received}`;
  return new SluiceError("INPUT_INVALID", message, { ...fault, line, column });
}

/** `nftables[3].rule.expr` is the members `nftables`, 3, `rule` and `expr`. */
function keysOf(field: string): readonly JsonKey[] {
  return Array.from(field.matchAll(/\[(\d+)\]|[^.[\]]+/g), ([name, index]) =>
    index === undefined ? name : Number(index),
  );
}

/** Where the value at the path begins; where it is missing, the nearest map or list around it. O(length). */
export function offsetInJson(text: string, path: readonly JsonKey[]): number {
  // found[depth]: where the value of the path's first `depth` steps begins.
  let found: number[] = [];
  walkJson(text, (steps, offset) => {
    const depth = steps.length;
    if (depth > path.length || found.length < depth || steps.some((step, i) => step !== path[i])) return;
    // A key that stands again replaces what stood there before, and all within it.
    found = [...found.slice(0, depth), offset];
  });
  return found.at(-1) ?? 0;
}
