import { UDP } from "../net/flow.ts";
import type { BalancePromise } from "./balance.ts";
import { countedSlices, isOpenLoop, mediansOf, ratesOf } from "./cells.ts";
import { holdsOne, someDiffers } from "./control.ts";
import type { ServiceInfo } from "./distribution.ts";
import type { Experiment, ExperimentPlan, Slice } from "./experiment.ts";
import { CONFIDENCE, FEWEST_BLOCKS, type Interval, type IntervalRequest } from "./intervals.ts";
import {
  type BenchResult,
  type Control,
  type Environment,
  type Estimate,
  quantity,
  SCHEMA,
  type WorkSummary,
  type Unmeasured,
} from "./result.ts";
import type { Cell } from "./schedule.ts";
import {
  INTERVALS_A_CELL,
  intervalRequests,
  rateEstimate,
  rateUnit,
  REFERENCE,
  summarizeCell,
} from "./summarize-cell.ts";
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
  /** How narrow intervals were to be; undefined: all blocks were to be done. */
  readonly precision: number | undefined;
  /** What made the load, in words. @default unsaid */
  readonly generator?: string;
  readonly experiment: Experiment;
  /** In the order of the plan's subjects. Subject 0 is the reference, subject 1 the reference again, the control. */
  readonly subjects: readonly SubjectInfo[];
  readonly services: readonly ServiceInfo[];
  /** @default nothing */
  readonly unmeasured?: readonly Unmeasured[];
  readonly environment: Environment;
  readonly notes: readonly string[];
  /** Works out intervals, in the order of the requests. */
  readonly estimate: (requests: readonly IntervalRequest[]) => Promise<readonly Interval[]>;
}

const CONTROL = 1;
const INTERVALS =
  "From whole blocks, on logarithms: of rates and of ratios to the reference within each block the studentized bootstrap " +
  "of the geometric mean, with fewer than 10 blocks Student's t; of percentiles the same, where five blocks, or groups of neighbouring blocks, have ten answers beyond; else that of all blocks, without one.";

/**
 * Makes the document of an experiment. With no finished block its figures are null; with fewer than an interval needs
 * there are rates and counts, but nothing that is said of them.
 */
export async function summarize(input: SummaryInput): Promise<BenchResult> {
  const { plan, budgetMs, precision, experiment, subjects, services, environment, notes } = input;
  const cells = plan.works.flatMap((work) => subjects.map((_, subject): Cell => ({ subject, work })));
  const requests = cells.flatMap((cell, index) => intervalRequests(input, cell, index));
  const openLoops = plan.works.filter(isOpenLoop);
  const medians = openLoops.map((work, index) => mediansRequest(input, work, requests.length + index));
  const estimated = await input.estimate([...requests, ...medians]);
  const intervals = cells.map((_, index) => estimated.slice(INTERVALS_A_CELL * index, INTERVALS_A_CELL * (index + 1)));
  const control = controlOf(plan, (work) => {
    const at = cells.findIndex((cell) => cell.work === work && cell.subject === CONTROL);
    const blocks = countedSlices(experiment, cells[at]!).length;
    if (!isOpenLoop(work)) return rateEstimate(intervals[at]![1]!, "1", blocks);
    const interval = estimated[requests.length + openLoops.indexOf(work)]!;
    // A rate so low that a block has no median.
    if (interval.estimate === undefined && blocks >= FEWEST_BLOCKS) {
      return { value: null, interval: null, unit: "1", reason: "too-few-answers" };
    }
    return rateEstimate(interval, "1", blocks);
  });
  const results = cells.map((cell, index) => summarizeCell(input, cell, intervals[index]!, doubtOf(control, cell)));
  return {
    schema: SCHEMA,
    complete: experiment.endedBy === "plan" || experiment.endedBy === "precision",
    endedBy: experiment.endedBy,
    failures: results.flatMap(({ failures }) => failures),
    control,
    limits: experiment.limits.map(limitOf),
    notes,
    method: {
      seed: String(plan.seed),
      blocks: quantity(new Set(experiment.slices.map(({ block }) => block).filter((block) => block > 0)).size, "1"),
      plannedBlocks: quantity(plan.blocks, "1"),
      fewestBlocks: quantity(FEWEST_BLOCKS, "1"),
      budget: quantity(budgetMs / 1000, "s"),
      precision: quantity(precision, "1", "not-applicable"),
      window: quantity(plan.windowMs, "ms"),
      messageSize: quantity(plan.messageBytes, "B"),
      timeout: quantity(plan.timeoutMs, "ms"),
      confidence: quantity(CONFIDENCE, "1"),
      intervals: INTERVALS,
      ...(input.generator === undefined ? {} : { generator: input.generator }),
    },
    services: services.map(({ service }) => service),
    works: plan.works.map(workSummary),
    subjects: plan.subjects.map(({ name, targets }, index) => ({
      subject: name,
      what: subjects[index]!.what,
      targets: { tcp: targets.tcp.map(targetText), udp: targets.udp.map(targetText) },
    })),
    unmeasured: input.unmeasured ?? [],
    cells: results.map(({ result }) => result),
    environment,
  };
}

/** The control's median latency over the reference's, within each block. */
function mediansRequest({ plan, experiment }: SummaryInput, work: WorkName, index: number): IntervalRequest {
  const [reference, again] = [REFERENCE, CONTROL].map((subject) =>
    mediansOf(countedSlices(experiment, { subject, work })),
  );
  return { values: again!.map((median, block) => median / reference![block]!), seed: plan.seed + index };
}

function workSummary(name: WorkName): WorkSummary {
  const { proto, what, operation, concurrency, ratePerSecond } = workOf(name);
  return {
    work: name,
    protocol: proto === UDP ? "udp" : "tcp",
    what,
    operation,
    concurrency: quantity(concurrency, "1"),
    loop: ratePerSecond === undefined ? "closed" : "open",
    dueRate: quantity(ratePerSecond, "1/s", "not-applicable"),
  };
}

function limitOf(slice: Slice): BenchResult["limits"][number] {
  const { busy, cell } = slice;
  return {
    work: cell.work,
    rate: quantity(ratesOf([slice])[0]!, rateUnit(cell.work)),
    generatorBusy: quantity(busy.generator, "1"),
    endpointsBusy: quantity(busy.backends, "1"),
  };
}

function targetText({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @param ratioOf the control's ratio in a work. */
function controlOf({ subjects, works }: ExperimentPlan, ratioOf: (work: WorkName) => Estimate): Control {
  const ratios = works.map((work) => {
    const ratio = ratioOf(work);
    return { work, ...(isOpenLoop(work) ? ({ figure: "p50" } as const) : {}), ratio, holdsOne: holdsOne(ratio) };
  });
  const differs = someDiffers(ratios.map((one) => one.holdsOne));
  return { reference: subjects[REFERENCE]!.name, again: subjects[CONTROL]!.name, ratios, differs };
}

/** Of the reference there is no ratio to doubt. */
function doubtOf({ ratios }: Control, { subject, work }: Cell): boolean | null {
  if (subject === REFERENCE) return false;
  return someDiffers([ratios.find((ratio) => ratio.work === work)?.holdsOne ?? null]);
}
