import { configInvalid, isSluiceError, type SluiceError } from "../core/errors.ts";

/** An option as it is typed: a letter stands behind one dash. */
export function flagOf(name: string): string {
  return `${name.length === 1 ? "-" : "--"}${name}`;
}

/** Whatever part of a flag is wrong: the error shows the whole of it, and its form. */
export function asExpected<T>(flag: string, expected: string, received: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw isSluiceError(error, "CONFIG_INVALID") ? configInvalid(flag, expected, received) : error;
  }
}

/** Fields of options that come from the command line, and the flag of each. */
export type Flags = Readonly<Record<string, string>>;

/**
 * An error as somebody sees it who typed flags: where it names a field that comes from one, or a part of it, the flag
 * stands in its place. Other errors stay as they are.
 */
export function namingFlags(error: unknown, flags: Flags): unknown {
  if (!isSluiceError(error, "CONFIG_INVALID")) return error;
  const { path, expected, received }: SluiceError<"CONFIG_INVALID">["details"] = error.details;
  const field = Object.keys(flags).find((name) => path === name || path.startsWith(`${name}[`));
  if (field === undefined) return error;
  return configInvalid(flags[field]!, expected, received);
}
