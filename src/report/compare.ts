import type { BenchResult, CellResult, Estimate } from "../measure/result.ts";

/** What of a cell is compared. */
const comparedFigures = ["rate", "ratio", "p50", "p99"] as const;
export type ComparedFigure = (typeof comparedFigures)[number];

/** One figure of both results. */
export interface Change {
  readonly subject: string;
  readonly work: string;
  readonly figure: ComparedFigure;
  readonly before: Estimate;
  readonly after: Estimate;
  /** After over before, with its 95 % interval; undefined where one of them has no interval. */
  readonly quotient: { readonly value: number; readonly low: number; readonly high: number } | undefined;
  /** `same`: the interval holds 1. `untold`: there is none. */
  readonly verdict: "better" | "worse" | "same" | "untold";
  /** Worse beyond noise, and by more than the threshold. */
  readonly regression: boolean;
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** What differs between the hosts: rates and latencies then say nothing of a regression, ratios to direct do. */
  readonly hostDiffers: readonly string[];
  /** The control of a run differs: its intervals are too short by an unknown factor. */
  readonly doubtful: { readonly before: boolean; readonly after: boolean };
  /** Cells that only one of them has, as `subject in work`. */
  readonly unmatched: readonly string[];
}

/**
 * Says what differs between two results beyond noise: figure by figure the quotient, and the interval that follows from
 * both intervals on logarithms. Of twenty figures that did not change, one is said to have.
 *
 * @param threshold how much worse a figure may be before it is a regression: 0.05 is 5 %.
 */
export function compareResults(before: BenchResult, after: BenchResult, threshold: number): Comparison {
  const hostDiffers = differencesOfHosts(before, after);
  const changes = before.cells.flatMap((old) => {
    const now = after.cells.find((cell) => sameCell(cell, old));
    if (now === undefined) return [];
    return comparedFigures.flatMap((figure) => {
      const [a, b] = [figureOf(old, figure), figureOf(now, figure)];
      if (a === null || b === null || a.value === null || b.value === null) return [];
      const counts = figure === "ratio" || hostDiffers.length === 0;
      return [changeOf(old, figure, a, b, counts ? threshold : Infinity)];
    });
  });
  return {
    changes,
    hostDiffers,
    doubtful: { before: before.control.differs === true, after: after.control.differs === true },
    unmatched: [...onlyIn(before, after), ...onlyIn(after, before)],
  };
}

function changeOf(
  { subject, work }: CellResult,
  figure: ComparedFigure,
  before: Estimate,
  after: Estimate,
  threshold: number,
): Change {
  const quotient = quotientOf(before, after);
  const verdict = verdictOf(figure, quotient);
  const loss = quotient === undefined ? 0 : isBetterWhenLow(figure) ? quotient.value - 1 : 1 / quotient.value - 1;
  const regression = verdict === "worse" && loss > threshold;
  return { subject, work, figure, before, after, quotient, verdict, regression };
}

function verdictOf(figure: ComparedFigure, quotient: Change["quotient"]): Change["verdict"] {
  if (quotient === undefined) return "untold";
  if (quotient.low <= 1 && 1 <= quotient.high) return "same";
  return quotient.high < 1 === isBetterWhenLow(figure) ? "better" : "worse";
}

function isBetterWhenLow(figure: ComparedFigure): boolean {
  return figure === "p50" || figure === "p99";
}

/** Distances to the ends of both intervals add up as standard errors do, each end by itself. */
function quotientOf(before: Estimate, after: Estimate): Change["quotient"] {
  if (before.interval === null || after.interval === null || before.value === 0) return undefined;
  const logs = ({ value, interval }: Estimate & { interval: readonly [number, number] }) => {
    const at = Math.log(value!);
    return { at, down: at - Math.log(interval[0]), up: Math.log(interval[1]) - at };
  };
  const [a, b] = [logs(before), logs(after)];
  const at = b.at - a.at;
  return {
    value: Math.exp(at),
    low: Math.exp(at - Math.hypot(b.down, a.up)),
    high: Math.exp(at + Math.hypot(b.up, a.down)),
  };
}

function figureOf({ rate, ratio, percentiles }: CellResult, figure: ComparedFigure): Estimate | null {
  if (figure === "rate") return rate;
  if (figure === "ratio") return ratio;
  return percentiles.find(({ percentile }) => `p${percentile}` === figure) ?? null;
}

function sameCell(a: CellResult, b: CellResult): boolean {
  return a.subject === b.subject && a.work === b.work;
}

function onlyIn({ cells }: BenchResult, other: BenchResult): string[] {
  return cells
    .filter((cell) => !other.cells.some((one) => sameCell(one, cell)))
    .map(({ subject, work }) => `${subject} in ${work}`);
}

function differencesOfHosts({ environment: a }: BenchResult, { environment: b }: BenchResult): string[] {
  const fields = { processor: "cpuModel", system: "system", Node: "nodeVersion", engine: "engine" } as const;
  const texts = Object.entries(fields)
    .filter(([, field]) => a[field] !== b[field])
    .map(([name, field]) => `${name}: ${a[field] ?? "unknown"}, then ${b[field] ?? "unknown"}`);
  const [some, other] = [a.processors.value, b.processors.value];
  return some === other ? texts : [...texts, `processors: ${some}, then ${other}`];
}
