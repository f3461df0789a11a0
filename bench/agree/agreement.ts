import { seededRandom } from "../../src/core/random.ts";
import type { Interval } from "../../src/measure/intervals.ts";
import { shuffled } from "../../src/measure/schedule.ts";
import type { Comparison } from "./comparisons.ts";
import type { SliceFigures } from "./figures.ts";
import { medianInterval } from "./median-interval.ts";

/** What a generator says of a work, round by round. */
export interface Said {
  readonly work: string;
  /** Who the others are compared with. */
  readonly theirs: string;
  readonly generator: string;
  readonly figure: "rate" | "median" | "p99";
  readonly unit: "1/s" | "us";
  /** What the server or the link allows at most; null: of a latency. */
  readonly atMost: number | null;
  readonly rounds: readonly number[];
}

/** The same of all rounds together, and as a part of what theirs says. */
export interface Agreement extends Said {
  readonly value: Interval;
  readonly ratio: Interval;
  /** Whether all of the ratio's interval lies within 10 % of 1, or none of it. `theirs`: it is what others are compared with. */
  readonly agrees: "yes" | "no" | "untold" | "theirs";
}

const OFF = 0.1;
const figures = [
  { figure: "rate", unit: "1/s", of: ({ rate }: SliceFigures) => rate },
  { figure: "median", unit: "us", of: ({ medianUs }: SliceFigures) => medianUs },
  { figure: "p99", unit: "us", of: ({ p99Us }: SliceFigures) => p99Us },
] as const;

/** Runs all in each round, in random order. */
export async function roundsOf(comparison: Comparison, rounds: number, seed: number): Promise<Said[]> {
  const random = seededRandom(seed);
  const { slices, theirs, work, atMost } = comparison;
  const said = new Map([...slices.keys()].map((name) => [name, [] as SliceFigures[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, slice] of shuffled([...slices], random)) said.get(name)!.push(await slice());
  }
  return figures.flatMap(({ figure, unit, of }) =>
    [...said].flatMap(([generator, own]): Said[] => {
      const values = own.map(of).filter((value) => value !== undefined);
      const most = figure === "rate" ? atMost : null;
      return values.length < rounds ? [] : [{ work, theirs, generator, figure, unit, atMost: most, rounds: values }];
    }),
  );
}

/** Makes figures of the rounds of one run or several; a ratio is taken within its round, where what a round did to both cancels. */
export function agreementsOf(runs: readonly (readonly Said[])[]): Agreement[] {
  const all = runs.flatMap((said) => said.map((one) => ({ one, base: said.find((other) => isBaseOf(other, one))! })));
  const first = all.filter(({ one }, at) => all.findIndex((other) => isSame(other.one, one)) === at);
  return first.map(({ one }) => together(all.filter((other) => isSame(other.one, one))));
}

/** @param own the same in one run or several, each with what it is compared with; at least one. */
function together(own: readonly { readonly one: Said; readonly base: Said }[]): Agreement {
  const first = own[0]!.one;
  const rounds = own.flatMap(({ one }) => one.rounds);
  const ratio = medianInterval(own.flatMap(({ one, base }) => ratiosOf(one.rounds, base.rounds)));
  const agrees = first.generator === first.theirs ? "theirs" : agreementOf(ratio);
  return { ...first, rounds, value: medianInterval(rounds), ratio, agrees };
}

/** A round in which one of both counted nothing has none. */
function ratiosOf(values: readonly number[], base: readonly number[]): number[] {
  return values.map((value, round) => value / base[round]!).filter((ratio) => ratio > 0 && Number.isFinite(ratio));
}

function isBaseOf(base: Said, { work, figure, theirs }: Said): boolean {
  return base.work === work && base.figure === figure && base.generator === theirs;
}

function isSame(a: Said, b: Said): boolean {
  return a.work === b.work && a.figure === b.figure && a.generator === b.generator;
}

function agreementOf({ low, high }: Interval): Agreement["agrees"] {
  if (low === undefined || high === undefined) return "untold";
  if (low >= 1 - OFF && high <= 1 + OFF) return "yes";
  return low > 1 + OFF || high < 1 - OFF ? "no" : "untold";
}
