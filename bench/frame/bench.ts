import type { Measured } from "./sample.ts";

/** Named figures beside the time: how even the picks were, how large the result is. */
export type Quality = Readonly<Record<string, number>>;

/**
 * A question, the cases that answer it, and how one case is prepared, run and judged. Every case runs in a process of
 * its own: what the engine has compiled for one tells nothing about another.
 */
export interface Bench<Case, Prepared> {
  /** As `npm run bench -- NAME` calls it. */
  readonly name: string;
  readonly question: string;
  readonly cases: readonly Case[];
  /** Says which case it is; no two are called alike. */
  label(one: Case): string;
  /** Not timed. */
  setup(one: Case): Prepared;
  /** Timed, over and over. @returns the operations that it did, at least 1. */
  run(prepared: Prepared): number;
  /** Not timed, after the last run: a fast answer that is not good is no result. */
  quality?(prepared: Prepared): Quality;
  /** Judges the quality, never the time. @returns what is wrong. */
  check?(quality: Quality, one: Case): string | undefined;
  /** What an operation should take at most. Printed beside the figure, and decides nothing. */
  targetNs?(one: Case): number | undefined;
  /** Over how many operations the bytes that one allocates are counted; undefined: they are not. */
  heapOperations?(one: Case): number | undefined;
  /** Times the runs in another way than `timeRuns` does. */
  time?(run: () => number, one: Case): Promise<Measured>;
  /** Labels `[of, to]` whose ratio is worth an interval of its own. */
  readonly ratios?: readonly (readonly [of: string, to: string])[];
}

/** All combinations of the values of each key, the last key fastest. */
export function product<const T extends Readonly<Record<string, readonly unknown[]>>>(
  matrix: T,
): { readonly [K in keyof T]: T[K][number] }[] {
  const combinations = Object.entries(matrix).reduce<readonly object[]>(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
  return [...combinations] as { readonly [K in keyof T]: T[K][number] }[];
}
