import { holdsZero, someDiffers } from "../control.ts";
import { meanEstimate } from "../mean.ts";
import type { Asked } from "../probe/probe.ts";
import { type Estimate, type Failure, quantity } from "../result.ts";
import type { ChangeCell, SharingControl, SlowCell } from "./result.ts";

/** A subject in one block: connections while one endpoint is slow. */
export interface SlowTrial {
  readonly subject: string;
  readonly asked: readonly Asked[];
}

/** A subject in one block: every client once with n endpoints, once with one more, and once with n again. */
export interface ChangeTrial {
  readonly subject: string;
  readonly before: readonly Asked[];
  readonly during: readonly Asked[];
  readonly after: readonly Asked[];
}

/** The two sides of an interval that holds 95 of 100, in standard deviations. */
const Z95 = 1.96;
const MICROSECONDS = 1000;
/** A percentile has at least so many answers beyond it. */
const FEWEST_BEYOND = 10;

/** @param endpoints their numbers, the slow one first. */
export function slowCells(
  trials: readonly SlowTrial[],
  subjects: readonly string[],
  endpoints: readonly number[],
): SlowCell[] {
  return subjects.map((subject) => {
    const own = trials.filter((trial) => trial.subject === subject).map(({ asked }) => asked.filter(isAnswered));
    const all = own.flat();
    const latencies = all.map(({ dueMs, endedMs }) => endedMs - dueMs).sort((a, b) => a - b);
    return {
      subject,
      slowShare: meanEstimate(
        own.filter((asked) => asked.length > 0).map((asked) => shareOf(asked, endpoints[0]!)),
        "1",
      ),
      chance: chanceOf(1 / endpoints.length, all.length),
      rate: meanEstimate(own.map(ratePerSecond), "1/s"),
      median: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      counts: {
        values: endpoints.map((number) => all.filter(({ endpoint }) => endpoint === number).length),
        unit: "1",
      },
    };
  });
}

/** @param endpoints how many there are without the one that comes and goes. */
export function changeCells(
  trials: readonly ChangeTrial[],
  subjects: readonly string[],
  endpoints: number,
): ChangeCell[] {
  const phases = [
    ["added", ({ before, during }: ChangeTrial) => movedShare(before, during)],
    ["removed", ({ during, after }: ChangeTrial) => movedShare(during, after)],
  ] as const;
  return phases.flatMap(([change, moved]) =>
    subjects.map((subject) => {
      const own = trials.filter((trial) => trial.subject === subject);
      const clients = own.reduce((sum, { before }) => sum + before.length, 0);
      return {
        subject,
        change,
        moved: meanEstimate(
          own.map(moved).filter((share) => share !== undefined),
          "1",
        ),
        least: quantity(1 / (endpoints + 1), "1"),
        // Two picks, one of n endpoints and one of n + 1, agree by chance in one case of n + 1.
        chance: chanceOf(endpoints / (endpoints + 1), clients),
      };
    }),
  );
}

/**
 * Holds a subject against itself: what differs between the two from block to block is noise, and nothing else.
 *
 * Not a chi-square of one half of the blocks against the other: subjects that go in turn are more even than chance, so that
 * theirs would never be large, and halves that agree do not say that intervals, which are of blocks, are long enough. For
 * the same reason the reference should be one that picks at random: what comes to the same share in every block has no
 * interval that could be too short.
 */
export function sharingControl(
  slow: readonly SlowTrial[],
  changes: readonly ChangeTrial[],
  endpoints: readonly number[],
  [reference, again]: readonly [string, string],
): SharingControl {
  const pairs = <Trial extends { readonly subject: string }>(
    trials: readonly Trial[],
    of: (trial: Trial) => number | undefined,
  ): number[] => {
    const [a, b] = [reference, again].map((name) => trials.filter(({ subject }) => subject === name).map(of));
    const differences = a!.map((value, block) => [value, b![block]] as const);
    return differences.flatMap(([x, y]) => (x === undefined || y === undefined ? [] : [y - x]));
  };
  const slowShare = ({ asked }: SlowTrial) => {
    const answered = asked.filter(isAnswered);
    return answered.length === 0 ? undefined : shareOf(answered, endpoints[0]!);
  };
  const differences = [
    ["slow-share", meanEstimate(pairs(slow, slowShare), "1")],
    [
      "rate",
      meanEstimate(
        pairs(slow, ({ asked }) => ratePerSecond(asked.filter(isAnswered))),
        "1/s",
      ),
    ],
    [
      "moved-when-added",
      meanEstimate(
        pairs(changes, ({ before, during }) => movedShare(before, during)),
        "1",
      ),
    ],
    [
      "moved-when-removed",
      meanEstimate(
        pairs(changes, ({ during, after }) => movedShare(during, after)),
        "1",
      ),
    ],
  ] as const;
  const figures = differences.map(([figure, difference]) => ({ figure, difference, holdsZero: holdsZero(difference) }));
  return { reference, again, figures, differs: someDiffers(figures.map((one) => one.holdsZero)) };
}

/** A request without a right answer makes figures worthless. */
export function sharingFailures(trials: readonly SlowTrial[], subjects: readonly string[], work: string): Failure[] {
  return subjects.flatMap((subject): Failure[] => {
    const asked = trials.filter((trial) => trial.subject === subject).flatMap((trial) => trial.asked);
    if (asked.some(({ outcome }) => outcome === "wrong")) return [{ subject, work, reason: "wrong-answer" }];
    return asked.every(isAnswered) ? [] : [{ subject, work, reason: "unanswered" }];
  });
}

/** The share of the clients that were answered both times, and the second time by another; undefined: there are none. */
export function movedShare(before: readonly Asked[], after: readonly Asked[]): number | undefined {
  const then = new Map(before.filter(isAnswered).map(({ source, endpoint }) => [source, endpoint]));
  const both = after.filter((asked) => isAnswered(asked) && then.has(asked.source));
  if (both.length === 0) return undefined;
  return both.filter(({ source, endpoint }) => then.get(source) !== endpoint).length / both.length;
}

function chanceOf(share: number, tries: number): Estimate {
  if (tries === 0) return { value: share, interval: null, unit: "1", reason: "too-few-blocks" };
  const half = Z95 * Math.sqrt((share * (1 - share)) / tries);
  return { value: share, interval: [Math.max(share - half, 0), Math.min(share + half, 1)], unit: "1" };
}

function shareOf(asked: readonly Asked[], endpoint: number): number {
  return asked.filter((one) => one.endpoint === endpoint).length / asked.length;
}

function ratePerSecond(asked: readonly Asked[]): number {
  if (asked.length === 0) return 0;
  const first = Math.min(...asked.map(({ dueMs }) => dueMs));
  const last = Math.max(...asked.map(({ endedMs }) => endedMs));
  return (asked.length * 1000) / (last - first);
}

/** @param sorted milliseconds. */
function percentile(sorted: readonly number[], share: number): ReturnType<typeof quantity> {
  const enough = sorted.length * (1 - share) >= FEWEST_BEYOND;
  const value = enough ? sorted[Math.ceil(sorted.length * share) - 1]! * MICROSECONDS : undefined;
  return quantity(value, "us", "too-few-answers");
}

function isAnswered({ outcome }: Asked): boolean {
  return outcome === "answered";
}
