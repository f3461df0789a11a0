import type { Clock } from "../core/clock.ts";
import { ratesOf } from "../measure/cells.ts";
import type { ExperimentHooks, ExperimentPlan, Slice } from "../measure/experiment.ts";
import { rateUnit } from "../measure/summarize-cell.ts";
import type { Progress } from "./options.ts";

/** Turns "so many slices are done" into what a terminal shows; slices take about as long as each other. */
export function trackProgress(
  clock: Clock,
  { subjects, works }: Pick<ExperimentPlan, "subjects" | "works">,
  report: (progress: Progress) => void = () => {},
): NonNullable<ExperimentHooks["onSlice"]> {
  const startedMs = clock.nowMs();
  const rates = new Map(subjects.flatMap((_, subject) => works.map((work) => [`${subject} ${work}`, [] as number[]])));
  const ratesOfCell = (subject: number, work: string): number[] => rates.get(`${subject} ${work}`)!;
  return (done: number, total: number, slice: Slice) => {
    const { cell, block } = slice;
    if (block > 0) ratesOfCell(cell.subject, cell.work).push(...ratesOf([slice]));
    const msEach = (clock.nowMs() - startedMs) / done;
    report({
      done,
      total,
      secondsLeft: Math.round(((total - done) * msEach) / 1000),
      cells: subjects.flatMap(({ name }, subject) =>
        works.map((work) => ({ subject: name, work, unit: rateUnit(work), rates: [...ratesOfCell(subject, work)] })),
      ),
    });
  };
}
