import { UDP } from "../net/flow.ts";
import { bottleneckOf } from "./bottleneck.ts";
import { checkCell, countedSlices, failureReasons, ratesOf, sumErrors, totalErrors } from "./cells.ts";
import { distributionOf } from "./distribution.ts";
import type { Slice } from "./experiment.ts";
import { encodeHistogram, mergeHistograms } from "./histogram.ts";
import { FEWEST_BLOCKS, type Interval, type IntervalRequest } from "./intervals.ts";
import { latencyFigures } from "./latency.ts";
import { meanEstimate } from "./mean.ts";
import {
  type CellResult,
  type Estimate,
  type Failure,
  type Missing,
  type Percentile,
  quantity,
  type Unit,
} from "./result.ts";
import type { Cell } from "./schedule.ts";
import type { SummaryInput } from "./summarize.ts";
import { type WorkName, workOf } from "./work.ts";

/** Subject 0, which all others are compared with. */
export const REFERENCE = 0;
const PERCENTILES = ["50", "90", "99", "99.9", "99.99"] as const;
/** As many times an interval's upper end, a percentile of all answers is another story. */
const FAR_BEYOND = 1.5;
/** Intervals that a cell needs: of its rate, of its ratio, and of each percentile. */
export const INTERVALS_A_CELL = 2 + PERCENTILES.length;

/** What the intervals of a cell are worked out from. @param index of the cell, so that each has seeds of its own. */
export function intervalRequests({ plan, experiment }: SummaryInput, cell: Cell, index: number): IntervalRequest[] {
  const slices = countedSlices(experiment, cell);
  const rates = ratesOf(slices);
  const reference = ratesOf(countedSlices(experiment, { ...cell, subject: REFERENCE }));
  const ratios = rates.map((rate, block) => rate / reference[block]!);
  const latencies = latencyFigures(latencyBlocks(slices), PERCENTILES.map(Number)).map(({ groups }) => groups);
  return [rates, ratios, ...latencies].map((values, at) => {
    return { values, seed: plan.seed + INTERVALS_A_CELL * index + at };
  });
}

/**
 * @param intervals in the order of `intervalRequests`.
 * @param ratioDoubtful whether the control differs in this work.
 */
export function summarizeCell(
  input: SummaryInput,
  cell: Cell,
  [rate, ratio, ...latencies]: readonly Interval[],
  ratioDoubtful: boolean | null,
): { result: CellResult; failures: Failure[] } {
  const { plan, experiment, subjects } = input;
  const slices = countedSlices(experiment, cell);
  const subject = plan.subjects[cell.subject]!.name;
  const { proto, ratePerSecond } = workOf(cell.work);
  const protocol = proto === UDP ? "udp" : "tcp";
  const service = input.services.find((one) => one.service.protocol === protocol)!;
  const promise = subjects[cell.subject]!.promiseOf(cell.work);
  const check = checkCell(experiment, cell, service.backends, promise);
  const unit = rateUnit(cell.work);
  const result: CellResult = {
    subject,
    work: cell.work,
    rate: rateEstimate(rate!, unit, slices.length),
    ratio: cell.subject === REFERENCE ? null : rateEstimate(ratio!, "1", slices.length),
    ratioDoubtful,
    ...latencyOf(cell, slices, latencies),
    ...bottleneckOf(ratePerSecond === undefined ? "closed" : "open", slices),
    ...processorTimeOf(cell, slices),
    errors: errorsOf(slices),
    distribution: distributionOf(cell, slices, service, promise, check),
    blocks: {
      operations: { values: slices.map(({ sample }) => sample.operations), unit: unit === "B/s" ? "B" : "1" },
      duration: { values: slices.map(({ sample }) => sample.seconds), unit: "s" },
      rate: { values: ratesOf(slices), unit },
      errors: { values: slices.map(({ sample }) => totalErrors(sample.errors)), unit: "1" },
    },
  };
  const reasons = failureReasons(experiment, cell, check);
  return { result, failures: reasons.map((reason) => ({ subject, work: cell.work, reason })) };
}

/** What the rate of a work is counted in. */
export function rateUnit(work: WorkName): Unit {
  return workOf(work).operation === "byte" ? "B/s" : "1/s";
}

/** Of a rate or a ratio. @param blocks that it was made from. */
export function rateEstimate(interval: Interval, unit: Unit, blocks: number): Estimate {
  return estimate(interval, unit, blocks < FEWEST_BLOCKS ? "too-few-blocks" : "block-without-result");
}

/** @param reason why there is no interval, or no estimate, where that is so. */
function estimate({ estimate: value, low, high }: Interval, unit: Unit, reason: Missing): Estimate {
  if (value !== undefined && low !== undefined && high !== undefined) return { value, interval: [low, high], unit };
  return { value: value ?? null, interval: null, unit, reason };
}

function latencyOf(
  { work }: Cell,
  slices: readonly Slice[],
  intervals: readonly Interval[],
): Pick<CellResult, "percentiles" | "latency"> {
  const blocks = latencyBlocks(slices);
  const histogram = mergeHistograms(blocks);
  const figures = latencyFigures(blocks, PERCENTILES.map(Number));
  const hasAnswers = workOf(work).operation !== "byte";
  const tooFew = slices.length < FEWEST_BLOCKS ? "too-few-blocks" : "too-few-answers";
  const reason: Missing = hasAnswers ? tooFew : "not-applicable";
  const percentiles = PERCENTILES.map((percentile, at) => {
    const interval = intervals[at]!;
    const alone: Interval = { estimate: figures[at]!.whole, low: undefined, high: undefined };
    const own = estimate(interval.low === undefined ? alone : interval, "us", reason);
    return Object.assign({ percentile }, own, overallOf(own, figures[at]!.whole));
  });
  const isEmpty = histogram.totalCount === 0;
  return { percentiles, latency: isEmpty ? null : { hdrHistogram: encodeHistogram(histogram), unit: "ns" } };
}

function overallOf({ interval }: Estimate, whole: number | undefined): Pick<Percentile, "overall"> {
  if (interval === null || whole === undefined || whole <= interval[1] * FAR_BEYOND) return {};
  return { overall: quantity(whole, "us") };
}

function latencyBlocks(slices: readonly Slice[]): string[] {
  return slices.map(({ sample }) => sample.latency);
}

const US_PER_MS = 1000;
const MEGA = 1e6;

/** Nothing where some block does not tell; a block that did nothing says nothing. */
function processorTimeOf({ work }: Cell, slices: readonly Slice[]): Pick<CellResult, "processorTime"> {
  const operations = workOf(work).operation === "byte" ? MEGA : 1;
  const known = slices.flatMap(({ processorMs, sample }) => {
    if (processorMs === undefined || sample.operations === 0) return [];
    return [(processorMs * US_PER_MS * operations) / sample.operations];
  });
  if (known.length === 0 || slices.some(({ processorMs }) => processorMs === undefined)) return {};
  return { processorTime: meanEstimate(known, "us") };
}

function errorsOf(slices: readonly Slice[]): CellResult["errors"] {
  const { refused, dropped, timedOut, wrong } = sumErrors(slices);
  return {
    refused: quantity(refused, "1"),
    dropped: quantity(dropped, "1"),
    timedOut: quantity(timedOut, "1"),
    wrong: quantity(wrong, "1"),
  };
}
