import { configInvalid } from "../core/errors.ts";
import { refuseTwice } from "./once.ts";

/**
 * An option that is a whole number. yargs by itself turns `--n abc` into NaN and goes on.
 *
 * @param name of the flag, for the error.
 */
export function wholeNumber(
  name: string,
  describe: string,
  { min, max }: { readonly min: number; readonly max: number },
) {
  const coerce = (value: unknown): number | undefined => {
    if (value === undefined) return undefined;
    refuseTwice(name, value);
    const number = Number(value);
    if (!/^\d+$/.test(String(value)) || number < min || number > max) {
      throw configInvalid(`--${name}`, `a whole number in ${min}…${max}`, String(value));
    }
    return number;
  };
  return { describe, type: "string", requiresArg: true, coerce } as const;
}
