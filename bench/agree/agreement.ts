import { seededRandom } from "../../src/core/random.ts";
import type { Interval } from "../../src/measure/intervals.ts";
import { shuffled } from "../../src/measure/schedule.ts";
import type { Comparison } from "./comparisons.ts";
import type { SliceFigures } from "./figures.ts";
import { medianInterval } from "./median-interval.ts";

/** What a generator says of a work, and that as a part of what theirs says. */
export interface Agreement {
  readonly work: string;
  readonly generator: string;
  readonly figure: "rate" | "median" | "p99";
  readonly unit: "1/s" | "us";
  readonly value: Interval;
  readonly ratio: Interval;
  /** Whether all of the ratio's interval lies within 10 % of 1, or none of it. `theirs`: it is what others are compared with. */
  readonly agrees: "yes" | "no" | "untold" | "theirs";
  /** What the server or the link allows at most; undefined: of a latency. */
  readonly atMost: number | undefined;
  /** One a round. */
  readonly rounds: readonly number[];
}

const OFF = 0.1;
const figures = [
  { figure: "rate", unit: "1/s", of: ({ rate }: SliceFigures) => rate },
  { figure: "median", unit: "us", of: ({ medianUs }: SliceFigures) => medianUs },
  { figure: "p99", unit: "us", of: ({ p99Us }: SliceFigures) => p99Us },
] as const;

/** Runs all in each round, in random order; a ratio is taken within its round, where what a round did to both cancels. */
export async function agreementsOf(comparison: Comparison, rounds: number, seed: number): Promise<Agreement[]> {
  const random = seededRandom(seed);
  const { slices, theirs } = comparison;
  const said = new Map([...slices.keys()].map((name) => [name, [] as SliceFigures[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, slice] of shuffled([...slices], random)) said.get(name)!.push(await slice());
  }
  return figures.flatMap(({ figure, unit, of }) => {
    const base = said.get(theirs)!.map(of);
    if (base.includes(undefined)) return [];
    return [...said].map(([generator, own]): Agreement => {
      const values = own.map((one) => of(one)!);
      const ratios = values.map((value, round) => value / base[round]!);
      const ratio = medianInterval(ratios);
      return {
        work: comparison.work,
        generator,
        figure,
        unit,
        value: medianInterval(values),
        ratio,
        agrees: generator === theirs ? "theirs" : agreementOf(ratio),
        atMost: figure === "rate" ? comparison.atMost : undefined,
        rounds: values,
      };
    });
  });
}

function agreementOf({ low, high }: Interval): Agreement["agrees"] {
  if (low === undefined || high === undefined) return "untold";
  if (low >= 1 - OFF && high <= 1 + OFF) return "yes";
  return low > 1 + OFF || high < 1 - OFF ? "no" : "untold";
}
