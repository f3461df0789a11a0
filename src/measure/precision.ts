import { countedSlices, tellingOf } from "./cells.ts";
import type { ExperimentPlan, Slice } from "./experiment.ts";
import { studentT } from "./student-t.ts";

/** No earlier look: after fewer blocks a small spread may be luck. */
export const FEWEST_BEFORE_LOOKING = 10;

/**
 * Whether the interval of every ratio to the reference reaches at most `precision` of it to each side: of rates, of an open
 * loop of median latencies, since rates that are asked for agree at once. It is Student's,
 * on logarithms: a look between blocks has to be quick. A block in which somebody did nothing has no ratio, and is never
 * enough.
 *
 * @param precision 0.02 is 2 %.
 */
export function isPrecise({ subjects, works }: ExperimentPlan, slices: readonly Slice[], precision: number): boolean {
  return works.every((work) => {
    const figures = subjects.map((_, subject) => tellingOf(work, countedSlices({ slices }, { subject, work })));
    const [reference, ...others] = figures;
    return others.every(
      (mine) => reach(mine.map((figure, block) => Math.log(figure / reference![block]!))) <= Math.log1p(precision),
    );
  });
}

/** Half the width of the interval of a mean; Infinity where there is none. */
export function reach(values: readonly number[]): number {
  const n = values.length;
  if (n < FEWEST_BEFORE_LOOKING) return Infinity;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = studentT(n - 1) * Math.sqrt(squares / (n - 1) / n);
  return Number.isNaN(half) ? Infinity : half;
}
