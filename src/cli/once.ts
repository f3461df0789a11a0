import { configInvalid } from "../core/errors.ts";
import { flagOf } from "./flag.ts";

/** Options that may be given more than once; those of one choice refuse it themselves. */
const repeatable = new Set([
  "_",
  "f",
  "file",
  "listen",
  "map-endpoint",
  "transparent",
  "mode",
  "subjects",
  "works",
  "cluster-cidr",
  "paths",
  "results",
]);

/**
 * yargs makes a list of an option that is given twice, whatever type it has.
 *
 * @throws {SluiceError} CONFIG_INVALID, naming the option.
 */
export function onlyOnce(args: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(args)) {
    const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (!repeatable.has(kebab)) refuseTwice(kebab, value);
  }
  return true;
}

/** @throws {SluiceError} CONFIG_INVALID for what yargs makes of an option that is given twice. */
export function refuseTwice(name: string, value: unknown): void {
  if (Array.isArray(value)) throw configInvalid(flagOf(name), "it once", value);
}
