import { type Fraction, isZero, nearUnit, rest } from "./fraction.ts";

/** How likely one of several things is: by the numbers of the rules, and by what they stand for (1/3, not 0.33333333349). */
export interface Chance {
  readonly exact: Fraction;
  readonly meant: Fraction;
}

/** Why nobody can tell what a rule does. */
export interface Doubt {
  /** `filter/INPUT`. */
  readonly where: string;
  /** The rule in its kernel's syntax. */
  readonly rule: string;
  /** In words: what was not understood, or is not known. */
  readonly why: string;
}

/** What a walk asks where the packet alone does not decide. */
export interface Choices {
  /** Draws one. @returns its index. */
  draw(chances: readonly Chance[]): number;
  /** Whether a condition that nobody can tell is taken to hold. @param doubt makes the reason. */
  doubt(doubt: () => Doubt): boolean;
}

export type Choice =
  | { readonly kind: "draw"; readonly index: number; readonly chances: readonly Chance[] }
  | { readonly kind: "doubt"; readonly holds: boolean; readonly doubt: Doubt };

/** One way through, from the first choice to the end. */
export interface Branch<T> {
  readonly choices: readonly Choice[];
  readonly end: T;
  /** Where too much was in doubt: the first thing that was no longer looked at both ways. */
  readonly givenUp?: Doubt;
}

export interface Exploration<T> {
  readonly branches: readonly Branch<T>[];
  /** Whether all were walked; there are more than anybody could read otherwise. */
  readonly complete: boolean;
}

/** Two ways each: more than this many in a row are not looked at. */
const MOST_DOUBTS = 5;
const MOST_BRANCHES = 20_000;

export function chance(exact: Fraction): Chance {
  return { exact, meant: nearUnit(exact) };
}

/** Something holds with this chance, or does not: in this order. */
export function yesOrNo(exact: Fraction): readonly [Chance, Chance] {
  const yes = chance(exact);
  return [yes, { exact: rest(exact), meant: rest(yes.meant) }];
}

/**
 * Walks every branch: each choice is made in every way, in order. The walk must do the same for the same choices.
 *
 * One walk a branch.
 */
export function explore<T>(walk: (choices: Choices) => T): Exploration<T> {
  const branches: Branch<T>[] = [];
  let forced: readonly Choice[] | undefined = [];
  while (forced !== undefined && branches.length < MOST_BRANCHES) {
    const branch: Branch<T> = walkOnce(walk, forced);
    branches.push(branch);
    forced = next(branch.choices);
  }
  return { branches, complete: forced === undefined };
}

function walkOnce<T>(walk: (choices: Choices) => T, forced: readonly Choice[]): Branch<T> {
  const made: Choice[] = [];
  let doubts = 0;
  let givenUp: Doubt | undefined;
  const end = walk({
    draw(chances) {
      const before = forced[made.length];
      const index = before?.kind === "draw" ? before.index : firstPossible(chances, 0);
      made.push({ kind: "draw", index, chances });
      return index;
    },
    doubt(doubt) {
      if (doubts === MOST_DOUBTS) {
        givenUp ??= doubt();
        return false;
      }
      doubts += 1;
      const before = forced[made.length];
      const holds = before?.kind === "doubt" ? before.holds : true;
      made.push({ kind: "doubt", holds, doubt: before?.kind === "doubt" ? before.doubt : doubt() });
      return holds;
    },
  });
  return givenUp === undefined ? { choices: made, end } : { choices: made, end, givenUp };
}

function firstPossible(chances: readonly Chance[], from: number): number {
  const index = chances.findIndex(({ exact }, at) => at >= from && !isZero(exact));
  return index < 0 ? 0 : index;
}

/** Turns the last choice round that can still go another way. @returns undefined when there is none. */
function next(choices: readonly Choice[]): readonly Choice[] | undefined {
  for (let last = choices.length - 1; last >= 0; last -= 1) {
    const turned = turn(choices[last]!);
    if (turned !== undefined) return [...choices.slice(0, last), turned];
  }
  return undefined;
}

function turn(choice: Choice): Choice | undefined {
  if (choice.kind === "doubt") return choice.holds ? { ...choice, holds: false } : undefined;
  const index = choice.chances.findIndex(({ exact }, at) => at > choice.index && !isZero(exact));
  return index < 0 ? undefined : { ...choice, index };
}
