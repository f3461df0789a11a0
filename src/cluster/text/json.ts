import { offsetInJson } from "../../core/read-json.ts";
import { walkJson } from "../../core/walk-json.ts";
import { type TextDocument, TextFault } from "./document.ts";

/**
 * Reads a JSON text as one document. Of a key that stands twice in a map, the later one counts.
 *
 * @throws {TextFault} where it stops being JSON.
 */
export function readJson(text: string): TextDocument {
  return tryReadJson(text) ?? failAt(text);
}

/** @returns undefined when the text is no JSON. */
export function tryReadJson(text: string): TextDocument | undefined {
  try {
    return { value: JSON.parse(text) as unknown, offsetOf: (path) => offsetInJson(text, path) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function failAt(text: string): never {
  const fault = walkJson(text, () => {});
  const { offset, expected } = fault ?? { offset: text.length, expected: "JSON" };
  const received = offset >= text.length ? "the end of the text" : JSON.stringify(text.slice(offset, offset + 1));
  throw new TextFault({ offset, expected, received });
}
