import { SluiceError } from "../core/errors.ts";

/** What the kernel keeps of a comment, in bytes. */
const MAX_COMMENT_BYTES = 255;

/**
 * A name as it stands in a rule: of a chain, a list, a set, a counter, an interface. Names are never quoted.
 *
 * @param path says what the name is for, in the error.
 * @param shape what a name may be, where that is more than usual.
 * @throws {SluiceError} RULE_TEXT_INVALID for a text that would not be read back as one word.
 */
export function word(text: string, path: string, shape = /^[\w.:@/+][\w.:@/+-]*$/): string {
  if (!shape.test(text)) throw unfit(path, "a word without blanks, quotes or a dash in front", text);
  return text;
}

/**
 * A comment as one argument, in quotes unless `bare` says that it needs none.
 *
 * Source: iptables, xshared.c, `add_param_to_argv`: inside quotes a backslash takes the next character as it is, and
 * a line end ends the rule whatever stands around it.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for control characters, and for more than the kernel would keep.
 */
export function quoteComment(text: string, bare: RegExp): string {
  if (/\p{Cc}/u.test(text)) throw unfit("comment", "text without line ends and control characters", text);
  if (text.length > MAX_COMMENT_BYTES / 3 && Buffer.byteLength(text) > MAX_COMMENT_BYTES) {
    throw unfit("comment", `at most ${MAX_COMMENT_BYTES} bytes`, text);
  }
  return bare.test(text) ? text : `"${text.replace(/["'\\]/g, "\\$&")}"`;
}

function unfit(path: string, expected: string, text: string): SluiceError<"RULE_TEXT_INVALID"> {
  const received = JSON.stringify(text);
  return new SluiceError("RULE_TEXT_INVALID", `${path}: expected ${expected}, got ${received}`, {
    path,
    expected,
    received,
  });
}
