import { balancerInvalid } from "../core/errors.ts";
import type { Algorithm } from "./balancer.ts";

/** An algorithm as the registry knows it: its name, and how it is made from its options. */
export interface Definition<Name extends string, Options extends object> {
  readonly name: Name;
  /** The names of the options that it takes. */
  readonly options: readonly string[];
  /** @throws {SluiceError} BALANCER_INVALID, naming the option, also for one that it does not take. */
  make(options: Options): Algorithm;
}

/** Reads one option. `undefined` asks for the default. @throws {SluiceError} BALANCER_INVALID. */
export type OptionReader<T> = (value: unknown, path: string) => T;
/** One for each option. */
export type OptionReaders<Options> = { readonly [K in keyof Options]-?: OptionReader<NonNullable<Options[K]>> };

/**
 * Defines an algorithm.
 *
 * @param readers one for each option that it takes; they give the defaults.
 */
export function define<Name extends string, Options extends object = object>(
  name: Name,
  readers: OptionReaders<Options>,
  create: (options: Required<Options>) => Omit<Algorithm, "name" | "options">,
): Definition<Name, Options> {
  return {
    name,
    options: Object.keys(readers),
    make(options) {
      const resolved = readOptions(name, readers, options);
      return { name, options: resolved, ...create(resolved) };
    },
  };
}

function readOptions<Options extends object>(
  name: string,
  readers: OptionReaders<Options>,
  options: Options,
): Required<Options> {
  const known = Object.keys(readers);
  for (const [option, value] of Object.entries(options)) {
    if (known.includes(option)) continue;
    const expected = known.length === 0 ? `no options for ${name}` : `no options but ${known.join(", ")} for ${name}`;
    throw balancerInvalid(option, expected, value);
  }
  const read = known.map((option) => {
    const key = option as keyof Options & string;
    return [key, readers[key](options[key], key)];
  });
  return Object.fromEntries(read) as Required<Options>;
}

/** A whole number in [min, max]. */
export function wholeOption(fallback: number, min: number, max: number): OptionReader<number> {
  return (value, path) => {
    if (value === undefined) return fallback;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw balancerInvalid(path, `a whole number in ${min}…${max}`, value);
  };
}

/** Any finite number in [min, max]. */
export function numberOption(fallback: number, min: number, max: number): OptionReader<number> {
  return (value, path) => {
    if (value === undefined) return fallback;
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw balancerInvalid(path, `a number in ${min}…${max}`, value);
  };
}

export function flagOption(fallback: boolean): OptionReader<boolean> {
  return (value, path) => {
    if (value === undefined) return fallback;
    if (typeof value === "boolean") return value;
    throw balancerInvalid(path, "true or false", value);
  };
}

export function choiceOption<T extends string>(fallback: T, choices: readonly T[]): OptionReader<T> {
  return (value, path) => {
    if (value === undefined) return fallback;
    const choice = choices.find((one) => one === value);
    if (choice !== undefined) return choice;
    throw balancerInvalid(path, `one of ${choices.join(", ")}`, value);
  };
}
