import { geometricMeanInterval, type Interval } from "../../src/measure/intervals.ts";

/** What one slice gave. */
export interface Figure {
  readonly round: number;
  readonly work: string;
  readonly subject: string;
  readonly perSecond: number;
  /** The proxy's processor time for one operation or byte; undefined where there is no proxy. */
  readonly cpuNsEach: number | undefined;
  readonly p99Ns: number;
  readonly errors: number;
}

/** Of the resampling; the same figures give the same intervals. */
const SEED = 1;
/** Whom the others are compared with. */
const OURS = "native engine";

/**
 * A line a work and subject: the rate in the mean, how many times as fast ours is, and how much processor time the other
 * takes for what ours does, each with its 95 % interval; every round gives one ratio.
 */
export function renderFigures(figures: readonly Figure[]): string {
  const works = [...new Set(figures.map(({ work }) => work))].sort();
  const lines = works.flatMap((work) => {
    const ofWork = figures.filter((figure) => figure.work === work);
    const subjects = [...new Set(ofWork.map(({ subject }) => subject))].sort();
    return subjects.map((subject) => line(work, subject, ofWork));
  });
  const head = [
    "work",
    "subject",
    "a second",
    "ours / it (95 %)",
    "its CPU / ours (95 %)",
    "CPU each",
    "p99",
    "errors",
  ];
  return table([head, ...lines]);
}

function line(work: string, subject: string, figures: readonly Figure[]): string[] {
  const its = byRound(figures, subject);
  const mine = byRound(figures, OURS);
  const pairs = [...its].flatMap(([round, it]) => {
    const own = mine.get(round);
    return own === undefined ? [] : [{ it, own }];
  });
  const all = [...its.values()];
  const rate = geometricMeanInterval(
    all.map(({ perSecond }) => perSecond),
    SEED,
  );
  const cpu = all.flatMap(({ cpuNsEach }) => cpuNsEach ?? []);
  return [
    work,
    subject,
    amount(rate.estimate),
    interval(
      geometricMeanInterval(
        pairs.map(({ it, own }) => own.perSecond / it.perSecond),
        SEED,
      ),
    ),
    cpu.length === 0
      ? ""
      : interval(
          geometricMeanInterval(
            pairs.map(({ it, own }) => it.cpuNsEach! / own.cpuNsEach!),
            SEED,
          ),
        ),
    cpu.length === 0 ? "" : `${amount(geometricMeanInterval(cpu, SEED).estimate)} ns`,
    `${amount(
      geometricMeanInterval(
        all.map(({ p99Ns }) => p99Ns),
        SEED,
      ).estimate,
    )} ns`,
    String(all.reduce((sum, { errors }) => sum + errors, 0)),
  ];
}

function byRound(figures: readonly Figure[], subject: string): ReadonlyMap<number, Figure> {
  return new Map(figures.flatMap((figure) => (figure.subject === subject ? [[figure.round, figure]] : [])));
}

function interval({ estimate, low, high }: Interval): string {
  if (estimate === undefined) return "";
  return low === undefined ? estimate.toFixed(2) : `${estimate.toFixed(2)} (${low.toFixed(2)} … ${high!.toFixed(2)})`;
}

function amount(value: number | undefined): string {
  return value === undefined ? "" : value.toPrecision(3);
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const text = lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  return text.join("\n");
}
