import { assertNever } from "../core/errors.ts";
import { chanceOfUneven } from "./even-chance.ts";
import type { Missing } from "./result.ts";

/** What a subject promises about which backend takes a new connection or flow. Plain data; backends by their number. */
export type BalancePromise =
  /** Nothing that could be checked. */
  | { readonly kind: "none" }
  /** In turn, over all clients and threads: of k flows in a row every backend gets ⌊k/n⌋ or ⌈k/n⌉. */
  | { readonly kind: "exact" }
  /** Each flow independently, each backend equally likely. */
  | { readonly kind: "uniform-random" }
  /**
   * Counts since the subject began stay close whenever nothing is open: a backend that got its last flow while at most
   * `lanes` were open has at most 1 + perLane × (lanes − 1) more than any other. After `withinMs` the subject begins to
   * forget flows, and there is nothing to check.
   */
  | { readonly kind: "bounded"; readonly perLane: number; readonly withinMs: number }
  /** The first of the least busy in the list: those that stand at place `reach` or later get nothing. */
  | { readonly kind: "first"; readonly order: readonly number[]; readonly reach: number };

/** The new flows of one slice of a subject. */
export interface FlowSlice {
  /** By backend. */
  readonly flows: readonly number[];
  /** How many were open at a time, at most. */
  readonly lanes: number;
  /** Whether it belongs to the work that is checked; others only change what the subject remembers. */
  readonly own: boolean;
  readonly endedMs: number;
}

export interface BalanceCheck {
  /** `unlikely`: a deviation as large as this has a chance below 1 in 1000 if the promise is kept. */
  readonly outcome: "kept" | "unlikely" | "broken" | "unchecked";
  /** Why figures below are undefined: of a check that was made, since they play no part in it. */
  readonly reason: Missing;
  /** What was held against the promise: the largest difference, or flows where none may be. */
  readonly worst: number | undefined;
  readonly allowed: number | undefined;
  /** The chance of a deviation at least this large if the promise is kept; undefined where chance plays no part. */
  readonly chance: number | undefined;
  /** Slices that could be checked. */
  readonly slices: number;
}

/** Below this chance a deviation is flagged. */
const UNLIKELY = 0.001;

/** The outcome where a promise cannot be held against anything, or not yet. */
export function unchecked(reason: Missing): BalanceCheck {
  return { outcome: "unchecked", reason, worst: undefined, allowed: undefined, chance: undefined, slices: 0 };
}

/**
 * Holds what the backends saw against what the subject promised. Slices without flows say nothing.
 *
 * @param slices all slices in which the subject used these backends, of all works, in the order in which they ran.
 * @param startedMs when the subject took its first flow.
 */
export function checkBalance(promise: BalancePromise, slices: readonly FlowSlice[], startedMs: number): BalanceCheck {
  if (promise.kind === "none") return unchecked("not-applicable");
  const own = slices.filter((slice) => slice.own && total(slice.flows) > 0);
  if (own.length === 0) return unchecked("no-flows");
  switch (promise.kind) {
    case "exact":
      return limited(own.map(({ flows }) => ({ worst: spread(flows), allowed: 1 })));
    case "uniform-random": {
      const chance = chanceOfUneven(sumFlows(own));
      const outcome = chance < UNLIKELY ? "unlikely" : "kept";
      const reason = "not-applicable";
      return { outcome, reason, worst: undefined, allowed: undefined, chance, slices: own.length };
    }
    case "bounded":
      return limited(excessesSinceStart(promise, slices, startedMs));
    case "first": {
      const idle = promise.order.slice(promise.reach);
      if (idle.length === 0) return unchecked("not-applicable");
      return limited(own.map(({ flows }) => ({ worst: total(idle.map((backend) => flows[backend]!)), allowed: 0 })));
    }
    default:
      return assertNever(promise);
  }
}

/** What one slice showed, and what may be. */
interface Excess {
  readonly worst: number;
  readonly allowed: number;
}

function beyond({ worst, allowed }: Excess): number {
  return worst - allowed;
}

/** The slice that went furthest decides. */
function limited(excesses: readonly Excess[]): BalanceCheck {
  if (excesses.length === 0) return unchecked("not-applicable");
  const furthest = excesses.reduce((a, b) => (beyond(b) > beyond(a) ? b : a));
  const outcome = beyond(furthest) > 0 ? "broken" : "kept";
  return { outcome, reason: "not-applicable", ...furthest, chance: undefined, slices: excesses.length };
}

/** At the end of each own slice that ended in time: the backend that is furthest beyond what it may be ahead. */
function excessesSinceStart(
  { perLane, withinMs }: BalancePromise & { kind: "bounded" },
  slices: readonly FlowSlice[],
  startedMs: number,
): Excess[] {
  const sums = slices[0]!.flows.map(() => 0);
  const allowed = sums.map(() => 0);
  const excesses: Excess[] = [];
  for (const { flows, lanes, own, endedMs } of slices) {
    for (const [backend, count] of flows.entries()) {
      sums[backend]! += count;
      if (count > 0) allowed[backend] = 1 + perLane * (lanes - 1);
    }
    if (!own || endedMs - startedMs >= withinMs) continue;
    const least = Math.min(...sums);
    const each = sums.map((sum, backend): Excess => ({ worst: sum - least, allowed: allowed[backend]! }));
    excesses.push(each.reduce((a, b) => (beyond(b) > beyond(a) ? b : a)));
  }
  return excesses;
}

function sumFlows(slices: readonly FlowSlice[]): number[] {
  const [first] = slices;
  return first!.flows.map((_, backend) => total(slices.map(({ flows }) => flows[backend]!)));
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The largest deviation of a backend's share from an even one; undefined when there are no flows to have a share of. */
export function largestShareError(flows: readonly number[]): number | undefined {
  const sum = total(flows);
  if (sum === 0) return undefined;
  return Math.max(...flows.map((count) => Math.abs(count / sum - 1 / flows.length)));
}
