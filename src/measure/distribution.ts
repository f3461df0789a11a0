import { assertNever } from "../core/errors.ts";
import { type BalanceCheck, type BalancePromise, largestShareError, unchecked } from "./balance.ts";
import { flowField, sumSeen } from "./cells.ts";
import type { Slice } from "./experiment.ts";
import { FEWEST_BLOCKS } from "./intervals.ts";
import { type CheckSummary, type Distribution, type MeasuredService, type PromiseSummary, quantity } from "./result.ts";
import type { Cell } from "./schedule.ts";
import { workOf } from "./work.ts";

/** A service that was measured, and which of the rig's backends stand in for its endpoints, in their order. */
export interface ServiceInfo {
  readonly service: MeasuredService;
  readonly backends: readonly number[];
}

/**
 * Which endpoints took a cell's flows, and what that says. With fewer blocks than an interval needs the counts stand
 * there, but no share error; and of a promise only that it is broken, or unlikely to have been kept.
 *
 * @param slices those of the cell that count, one a block.
 */
export function distributionOf(
  cell: Cell,
  slices: readonly Slice[],
  { service, backends }: ServiceInfo,
  promise: BalancePromise,
  check: BalanceCheck,
): Distribution {
  const of = flowField(cell);
  const counts = sumSeen(slices, backends, of);
  const enough = slices.length >= FEWEST_BLOCKS;
  const shareError = enough ? largestShareError(counts) : undefined;
  return {
    of,
    counts: { values: counts, unit: "1" },
    shares: sharesOf(counts),
    requests: { values: sumSeen(slices, backends, "requests"), unit: "1" },
    shareError: quantity(shareError, "1", enough ? "no-flows" : "too-few-blocks"),
    promise: promiseSummary(promise, service, workOf(cell.work).concurrency),
    check: checkSummary(settled(check, promise, slices.length)),
  };
}

/** A check as the document has it. */
export function checkSummary({ outcome, reason, worst, allowed, chance, slices }: BalanceCheck): CheckSummary {
  return {
    outcome,
    worst: quantity(worst, "1", reason),
    allowed: quantity(allowed, "1", reason),
    chance: quantity(chance, "1", reason),
    slices: quantity(slices, "1"),
  };
}

/** A few blocks can break a promise, but not keep it. */
function settled(check: BalanceCheck, promise: BalancePromise, blocks: number): BalanceCheck {
  if (blocks >= FEWEST_BLOCKS || promise.kind === "none") return check;
  return check.outcome === "broken" || check.outcome === "unlikely" ? check : unchecked("too-few-blocks");
}

/** Of no flows there are none. */
export function sharesOf(counts: readonly number[]): Distribution["shares"] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return { values: null, unit: "1", reason: "no-flows" };
  return { values: counts.map((count) => count / total), unit: "1" };
}

/** A promise as the document has it. @param lanes how many flows are open at a time, at most. */
export function promiseSummary(promise: BalancePromise, { endpoints }: MeasuredService, lanes: number): PromiseSummary {
  switch (promise.kind) {
    case "none":
    case "exact":
    case "uniform-random":
      return { kind: promise.kind };
    case "bounded":
      return {
        kind: "bounded",
        maxDifference: quantity(1 + promise.perLane * (lanes - 1), "1"),
        within: quantity(promise.withinMs, "ms"),
      };
    case "first": {
      const order = promise.order.map((backend) => endpoints[backend]!.endpoint);
      return { kind: "first", order, reach: quantity(promise.reach, "1") };
    }
    default:
      return assertNever(promise);
  }
}
