import { UDP } from "../net/flow.ts";
import type { BalancePromise } from "./balance.ts";
import { checkCell, countedSlices, failureReasons, ratesOf, sumErrors, totalErrors } from "./cells.ts";
import { distributionOf, type ServiceInfo } from "./distribution.ts";
import type { Experiment, ExperimentPlan, Slice } from "./experiment.ts";
import { encodeHistogram, mergeHistograms, percentileUs } from "./histogram.ts";
import { CONFIDENCE, FEWEST_BLOCKS, type Interval, type IntervalRequest } from "./intervals.ts";
import {
  type BenchResult,
  type CellResult,
  type Environment,
  type Estimate,
  type Failure,
  type Missing,
  type Noise,
  quantity,
  type Unit,
} from "./result.ts";
import type { Cell } from "./schedule.ts";
import { type WorkName, workOf } from "./work.ts";

/** What a subject is, besides where it is reached. */
export interface SubjectInfo {
  /** One sentence for a reader of the result. */
  readonly what: string;
  promiseOf(work: WorkName): BalancePromise;
}

export interface SummaryInput {
  readonly plan: ExperimentPlan;
  /** How long the run might take, in milliseconds. */
  readonly budgetMs: number;
  readonly experiment: Experiment;
  /** In the order of the plan's subjects. Subject 0 is the reference, subject 1 the reference again, the control. */
  readonly subjects: readonly SubjectInfo[];
  readonly services: readonly ServiceInfo[];
  readonly environment: Environment;
  readonly notes: readonly string[];
  /** Works out intervals, in the order of the requests. */
  readonly estimate: (requests: readonly IntervalRequest[]) => Promise<readonly Interval[]>;
}

const REFERENCE = 0;
const CONTROL = 1;
const INTERVALS =
  "Studentized bootstrap (bootstrap-t) over whole blocks, on logarithms: of the geometric mean of the blocks' rates, " +
  "and of the geometric mean of the ratios to the reference within each block.";

/**
 * Makes the document of an experiment. With no finished block its figures are null; with fewer than an interval needs
 * there are rates and counts, but nothing that is said of them.
 */
export async function summarize(input: SummaryInput): Promise<BenchResult> {
  const { plan, budgetMs, experiment, subjects, services, environment, notes } = input;
  const cells = plan.works.flatMap((work) => subjects.map((_, subject): Cell => ({ subject, work })));
  const requests = cells.flatMap((cell, index) => intervalRequests(input, cell, index));
  const intervals = await input.estimate(requests);
  const results = cells.map((cell, index) => {
    return summarizeCell(input, cell, intervals[2 * index]!, intervals[2 * index + 1]!);
  });
  return {
    schema: "sluice.bench/1",
    complete: experiment.endedBy === "plan",
    endedBy: experiment.endedBy,
    failures: results.flatMap(({ failures }) => failures),
    noise: noiseOf(
      plan,
      results.map(({ result }) => result),
    ),
    notes,
    method: {
      seed: String(plan.seed),
      blocks: quantity(new Set(experiment.slices.map(({ block }) => block).filter((block) => block > 0)).size, "1"),
      plannedBlocks: quantity(plan.blocks, "1"),
      fewestBlocks: quantity(FEWEST_BLOCKS, "1"),
      budget: quantity(budgetMs / 1000, "s"),
      window: quantity(plan.windowMs, "ms"),
      messageSize: quantity(plan.messageBytes, "B"),
      timeout: quantity(plan.timeoutMs, "ms"),
      confidence: quantity(CONFIDENCE, "1"),
      intervals: INTERVALS,
    },
    services: services.map(({ service }) => service),
    works: plan.works.map((name) => {
      const { proto, what, operation, concurrency } = workOf(name);
      return {
        work: name,
        protocol: proto === UDP ? "udp" : "tcp",
        what,
        operation,
        concurrency: quantity(concurrency, "1"),
      };
    }),
    subjects: plan.subjects.map(({ name, targets }, index) => ({
      subject: name,
      what: subjects[index]!.what,
      targets: { tcp: targets.tcp.map(targetText), udp: targets.udp.map(targetText) },
    })),
    cells: results.map(({ result }) => result),
    environment,
  };
}

function targetText({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Two a cell: of its rate, and of its ratio to the reference within each block. */
function intervalRequests({ plan, experiment }: SummaryInput, cell: Cell, index: number): IntervalRequest[] {
  const rates = ratesOf(countedSlices(experiment, cell));
  const reference = ratesOf(countedSlices(experiment, { ...cell, subject: REFERENCE }));
  const ratios = rates.map((rate, block) => rate / reference[block]!);
  return [
    { values: rates, seed: plan.seed + 2 * index },
    { values: ratios, seed: plan.seed + 2 * index + 1 },
  ];
}

function summarizeCell(
  input: SummaryInput,
  cell: Cell,
  rate: Interval,
  ratio: Interval,
): { result: CellResult; failures: Failure[] } {
  const { plan, experiment, subjects } = input;
  const slices = countedSlices(experiment, cell);
  const subject = plan.subjects[cell.subject]!.name;
  const protocol = workOf(cell.work).proto === UDP ? "udp" : "tcp";
  const service = input.services.find((one) => one.service.protocol === protocol)!;
  const promise = subjects[cell.subject]!.promiseOf(cell.work);
  const check = checkCell(experiment, cell, service.backends, promise);
  const errors = sumErrors(slices);
  const unit = workOf(cell.work).operation === "byte" ? "B/s" : "1/s";
  const result: CellResult = {
    subject,
    work: cell.work,
    rate: estimateOf(rate, unit, slices.length),
    ratio: cell.subject === REFERENCE ? null : estimateOf(ratio, "1", slices.length),
    ...latencyOf(cell, slices),
    errors: {
      refused: quantity(errors.refused, "1"),
      dropped: quantity(errors.dropped, "1"),
      timedOut: quantity(errors.timedOut, "1"),
      wrong: quantity(errors.wrong, "1"),
    },
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

function estimateOf({ estimate, low, high }: Interval, unit: Unit, blocks: number): Estimate {
  if (estimate !== undefined && low !== undefined && high !== undefined) return { value: estimate, low, high, unit };
  const reason = blocks < FEWEST_BLOCKS ? "too-few-blocks" : "block-without-result";
  return { value: estimate ?? null, low: null, high: null, unit, reason };
}

function latencyOf(
  { work }: Cell,
  slices: readonly Slice[],
): Pick<CellResult, "latencyP50" | "latencyP99" | "latency"> {
  const histogram = mergeHistograms(slices.map(({ sample }) => sample.latency));
  const hasAnswers = workOf(work).operation !== "byte";
  const reason: Missing = hasAnswers ? (slices.length === 0 ? "too-few-blocks" : "too-few-answers") : "not-applicable";
  return {
    latencyP50: quantity(percentileUs(histogram, 50), "us", reason),
    latencyP99: quantity(percentileUs(histogram, 99), "us", reason),
    latency: histogram.totalCount === 0 ? null : { hdrHistogram: encodeHistogram(histogram), unit: "ns" },
  };
}

function noiseOf({ subjects, works }: ExperimentPlan, cells: readonly CellResult[]): Noise {
  const [reference, control] = [subjects[REFERENCE]!.name, subjects[CONTROL]!.name];
  const ratios = works.map((work) => {
    const { ratio } = cells.find((cell) => cell.work === work && cell.subject === control)!;
    const { low, high } = ratio!;
    return { work, ratio: ratio!, holdsOne: low === null || high === null ? null : low <= 1 && 1 <= high };
  });
  return { reference, control, ratios, tooNoisy: someLeavesOne(ratios.map(({ holdsOne }) => holdsOne)) };
}

/** Null where nobody can tell. */
function someLeavesOne(holding: readonly (boolean | null)[]): boolean | null {
  if (holding.includes(false)) return true;
  return holding.includes(null) ? null : false;
}
