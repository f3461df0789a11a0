import { configInvalid } from "../core/errors.ts";
import { flagOf } from "./flag.ts";
import { refuseTwice } from "./once.ts";

/**
 * An option that is on when it is there: `--flag`, `--flag=true` or `--flag=false`. yargs by itself takes any other text
 * for false. Undefined where it is not given. It must have no default: yargs would give that for the bare flag.
 *
 * @param name of the flag, for the error.
 */
export function trueOrFalse(name: string, describe: string) {
  const coerce = (value: unknown): boolean => {
    refuseTwice(name, value);
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    throw configInvalid(flagOf(name), "true or false, or nothing behind it", value);
  };
  // Without a type yargs gives what stands behind it, and true where nothing does.
  return { describe, defaultDescription: "false", coerce } as const;
}
