import { positionAt } from "../core/text-position.ts";
import { inputInvalid } from "./input-invalid.ts";
import { TextFault } from "./text/document.ts";

/**
 * Reads a text, and says of what is wrong in it where it stands.
 *
 * @param file names the text in errors.
 * @param read takes the text without a byte order mark, and throws TextFault.
 * @throws {SluiceError} INPUT_INVALID in place of a TextFault.
 */
export function withPlaces<T>(text: string, file: string, read: (body: string) => T): T {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  try {
    return read(body);
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    const { offset, field, expected, received } = error;
    const { line, column } = positionAt(body, offset);
    throw inputInvalid({ file, line, column, field, expected, received });
  }
}
