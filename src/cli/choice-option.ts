import { configInvalid } from "../core/errors.ts";
import { flagOf } from "./flag.ts";
import { refuseTwice } from "./once.ts";

/**
 * An option that is one of a few words. yargs by itself names it without its dashes.
 *
 * @param name of the flag, for the error.
 */
export function oneOf<const Choice extends string>(name: string, describe: string, choices: readonly Choice[]) {
  const coerce = (value: unknown): Choice => {
    refuseTwice(name, value);
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw configInvalid(flagOf(name), `one of ${choices.join(", ")}`, value);
    return choice;
  };
  return { describe, choices, requiresArg: true, coerce } as const;
}
