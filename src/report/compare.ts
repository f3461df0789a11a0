import type { BenchResult, Estimate, Failure } from "../measure/result.ts";
import { someControlDiffers } from "./control.ts";
import { type ComparedFigure, comparedFigures, type FigureName } from "./compared-figures.ts";

/** A quotient or a difference, and its 95 % interval. */
export interface Shift {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One figure of both results. */
export interface Change {
  readonly subject: string;
  readonly work: string;
  readonly figure: FigureName;
  readonly before: Estimate;
  readonly after: Estimate;
  /** After over before; undefined where one of them has no interval, or for a mean that can be 0. */
  readonly quotient: Shift | undefined;
  /** After less before, of a mean that can be 0. */
  readonly difference: Shift | undefined;
  /** `same`: the interval holds 1, or 0 of a difference. `untold`: there is none. */
  readonly verdict: "better" | "worse" | "same" | "untold";
  /** Worse beyond noise, and by more than the threshold. */
  readonly regression: boolean;
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** What differs between the hosts: rates and times then say nothing of a regression; ratios, shares and counts do. */
  readonly hostDiffers: readonly string[];
  /** What differs in what was done: then nothing is a regression of anything. */
  readonly workDiffers: readonly string[];
  /** A control of a run differs: its intervals are too short by an unknown factor. */
  readonly doubtful: { readonly before: boolean; readonly after: boolean };
  /** What failed after and had not before: worse than any threshold, whatever the rates of what is left. */
  readonly failures: readonly Failure[];
  /** What only one of them has: `subject in work`, or `figure of subject in work`. */
  readonly unmatched: readonly string[];
}

/**
 * Says what differs between two results beyond noise: figure by figure the quotient, and the interval that follows from
 * both intervals on logarithms; of means that can be 0 the difference. Of twenty figures that did not change, one is said
 * to have.
 *
 * @param threshold how much worse a figure may be before it is a regression: 0.05 is 5 %. What was 0 and is not any more
 *   is worse by more than any.
 */
export function compareResults(before: BenchResult, after: BenchResult, threshold: number): Comparison {
  const hostDiffers = differencesOfHosts(before, after);
  const workDiffers = differencesOfWork(before, after);
  const [old, now] = [comparedFigures(before), comparedFigures(after)];
  const found = new Map(now.map((figure) => [keyOf(figure), figure]));
  const changes = old.flatMap((figure) => {
    const [a, b] = [figure.estimate, found.get(keyOf(figure))?.estimate ?? null];
    if (a === null || b === null || a.value === null || b.value === null) return [];
    const counts = workDiffers.length === 0 && (!figure.isHosts || hostDiffers.length === 0);
    return [changeOf(figure, a, b, counts ? threshold : Infinity)];
  });
  return {
    changes,
    hostDiffers,
    workDiffers,
    doubtful: { before: someControlDiffers(before), after: someControlDiffers(after) },
    failures: newFailures(before, after),
    unmatched: [...onlyIn(old, now), ...onlyIn(now, old), ...lacking(old, now)],
  };
}

/** Whether something got worse: what `compare` is asked. */
export function hasRegressed({ changes, failures }: Comparison): boolean {
  return failures.length > 0 || changes.some(({ regression }) => regression);
}

function newFailures(before: BenchResult, after: BenchResult): Failure[] {
  const nameOf = ({ subject, work, reason }: Failure): string => JSON.stringify([subject, work, reason]);
  const known = new Set(before.failures.map(nameOf));
  return after.failures.filter((failure) => !known.has(nameOf(failure)));
}

function changeOf(compared: ComparedFigure, before: Estimate, after: Estimate, threshold: number): Change {
  const { subject, work, figure, isBetterWhenLow, by } = compared;
  const quotient = by === "quotient" ? quotientOf(before, after) : undefined;
  const difference = by === "difference" ? differenceOf(before, after) : undefined;
  const verdict = verdictOf(quotient ?? difference, by === "quotient" ? 1 : 0, isBetterWhenLow);
  const factor = after.value! / before.value!;
  const loss = isBetterWhenLow ? factor - 1 : 1 / factor - 1;
  const regression = verdict === "worse" && loss > threshold;
  return { subject, work, figure, before, after, quotient, difference, verdict, regression };
}

/** @param still what it is where nothing changed. */
function verdictOf(shift: Shift | undefined, still: number, isBetterWhenLow: boolean): Change["verdict"] {
  if (shift === undefined) return "untold";
  if (shift.low <= still && still <= shift.high) return "same";
  return shift.high < still === isBetterWhenLow ? "better" : "worse";
}

/** What came to the same each time lies where it lies. */
function reachOf(estimate: Estimate): readonly [number, number] | undefined {
  if (estimate.interval !== null) return estimate.interval;
  return estimate.reason === "no-spread" && estimate.value !== null ? [estimate.value, estimate.value] : undefined;
}

function quotientOf(before: Estimate, after: Estimate): Shift | undefined {
  const shift = shiftOf(before, after, Math.log);
  return shift && { value: Math.exp(shift.value), low: Math.exp(shift.low), high: Math.exp(shift.high) };
}

function differenceOf(before: Estimate, after: Estimate): Shift | undefined {
  return shiftOf(before, after, (value) => value);
}

/** Distances to the ends of both intervals add up as standard errors do, each end by itself. */
function shiftOf(before: Estimate, after: Estimate, on: (value: number) => number): Shift | undefined {
  const ends = [before, after].map((estimate) => {
    const reach = reachOf(estimate);
    if (reach === undefined) return undefined;
    const at = on(estimate.value!);
    return { at, down: at - on(reach[0]), up: on(reach[1]) - at };
  });
  const [a, b] = ends;
  if (a === undefined || b === undefined || !Number.isFinite(a.at) || !Number.isFinite(b.at)) return undefined;
  const value = b.at - a.at;
  return { value, low: value - Math.hypot(b.down, a.up), high: value + Math.hypot(b.up, a.down) };
}

function keyOf({ subject, work, figure }: ComparedFigure): string {
  return JSON.stringify([subject, work, figure]);
}

function onlyIn(figures: readonly ComparedFigure[], others: readonly ComparedFigure[]): string[] {
  const nameOf = ({ subject, work }: ComparedFigure): string => `${subject} in ${work}`;
  const known = new Set(others.map(nameOf));
  return [...new Set(figures.map(nameOf))].filter((name) => !known.has(name));
}

/** Figures that both name and only one has a value of. */
function lacking(old: readonly ComparedFigure[], now: readonly ComparedFigure[]): string[] {
  const hasValue = ({ estimate }: ComparedFigure): boolean => estimate !== null && estimate.value !== null;
  const found = new Map(now.map((figure) => [keyOf(figure), hasValue(figure)]));
  return old
    .filter((figure) => (found.get(keyOf(figure)) ?? hasValue(figure)) !== hasValue(figure))
    .map(({ subject, work, figure }) => `${figure} of ${subject} in ${work}`);
}

/** The same names do not make the same work. */
function differencesOfWork(before: BenchResult, after: BenchResult): string[] {
  const partsOf = ({ method, services }: BenchResult) => ({
    "size of messages": `${method.messageSize.value} B`,
    // Documents from before it was said do not have it.
    "load generator": method.generator,
    services: services.map(({ servicePort, endpoints }) => `${servicePort} of ${endpoints.length}`).join(", "),
  });
  const [old, now] = [Object.entries(partsOf(before)), Object.values(partsOf(after))];
  return old.flatMap(([name, text], at) =>
    text === now[at] || text === undefined || now[at] === undefined ? [] : [`${name}: ${text}, then ${now[at]}`],
  );
}

function differencesOfHosts({ environment: a }: BenchResult, { environment: b }: BenchResult): string[] {
  const fields = { processor: "cpuModel", system: "system", Node: "nodeVersion", engine: "engine" } as const;
  const texts = Object.entries(fields)
    .filter(([, field]) => a[field] !== b[field])
    .map(([name, field]) => `${name}: ${a[field] ?? "unknown"}, then ${b[field] ?? "unknown"}`);
  const [some, other] = [a.processors.value, b.processors.value];
  return some === other ? texts : [...texts, `processors: ${some}, then ${other}`];
}
