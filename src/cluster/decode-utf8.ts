import { constants, isUtf8 } from "node:buffer";
import { SluiceError } from "../core/errors.ts";
import { inputInvalid } from "./input-invalid.ts";

/**
 * Decodes a file that has to be UTF-8.
 *
 * @throws {SluiceError} INPUT_INVALID at the first byte that is not; INPUT_UNREADABLE for over half a gigabyte, which
 *   does not fit into a string.
 */
export function decodeUtf8(bytes: Buffer, file: string): string {
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    const reason = `${bytes.length} bytes are more than can be read at once`;
    throw new SluiceError("INPUT_UNREADABLE", `${file}: ${reason}`, { file, reason });
  }
  if (isUtf8(bytes)) return bytes.toString("utf8");
  // No byte of a longer character is a line feed, so each line is UTF-8 or not by itself.
  let line = 1;
  let start = 0;
  for (
    let end = bytes.indexOf(0x0a);
    end >= 0 && isUtf8(bytes.subarray(start, end));
    end = bytes.indexOf(0x0a, start)
  ) {
    line += 1;
    start = end + 1;
  }
  const end = bytes.indexOf(0x0a, start);
  const bad = bytes.subarray(start, end < 0 ? bytes.length : end);
  const good = validPrefix(bad);
  const byte = bad[Buffer.byteLength(good)]!;
  const received = `the byte 0x${byte.toString(16).padStart(2, "0")}`;
  throw inputInvalid({ file, line, column: good.length + 1, field: "", expected: "UTF-8", received });
}

/** What stands before the first byte that is not UTF-8. */
function validPrefix(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  // The decoder puts U+FFFD for what it cannot read; but a text may hold that character itself.
  for (let cut = text.indexOf("\ufffd"); cut >= 0; cut = text.indexOf("\ufffd", cut + 1)) {
    const prefix = text.slice(0, cut);
    const length = Buffer.byteLength(prefix);
    if (!bytes.subarray(length, length + 3).equals(Buffer.from("\ufffd"))) return prefix;
  }
  return text;
}
