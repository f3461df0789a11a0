import assert from "node:assert/strict";
import { type ErrorDetails, isSluiceError } from "../../src/core/errors.ts";
import { parseObjects } from "../../src/cluster/parse.ts";

type Invalid = ErrorDetails["INPUT_INVALID"];

/** What parseObjects says is wrong with a text; fails when it reads the text, or says anything else. */
export function invalidity(text: string, file = "input.yaml"): Invalid & { readonly message: string } {
  try {
    parseObjects(text, file);
  } catch (error) {
    if (!isSluiceError(error, "INPUT_INVALID")) throw error;
    return { ...error.details, message: error.message };
  }
  return assert.fail(`was read: ${text}`);
}

/**
 * Checks what is said of a text in which `▸` stands before the place that is wrong. Texts of JSON are recognised by
 * their first character.
 */
export function assertInvalidAt(marked: string, expected: Partial<Invalid>): void {
  const offset = marked.indexOf("▸");
  const before = marked.slice(0, offset).split("\n");
  const place = { line: before.length, column: before.at(-1)!.length + 1 };
  const file = /^[{[]/.test(marked) ? "input.json" : "input.yaml";
  const found = invalidity(marked.replace("▸", ""), file);
  const subject = Object.fromEntries(Object.keys(expected).map((key) => [key, found[key as keyof Invalid]]));
  const { line, column } = found;
  assert.deepEqual({ file: found.file, line, column, ...subject }, { file, ...place, ...expected }, found.message);
}
