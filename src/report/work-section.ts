import type { BenchResult, CellResult, Quantity, WorkSummary } from "../measure/result.ts";
import {
  formatChance,
  formatLatency,
  formatRate,
  formatRatio,
  formatReach,
  formatShareError,
  lacksBlocks,
  NONE,
  NOT_ENOUGH,
} from "./format.ts";
import { formatCost } from "./processor-time.ts";
import { type Column, renderTable } from "./table.ts";

/** Percentiles that have a column. */
const SHOWN = ["50", "99", "99.9"];

/** The subjects side by side, doing one work. */
export function workLines({ cells, control, method, unmeasured }: BenchResult, work: WorkSummary): string[] {
  const rows = cells.filter((cell) => cell.work === work.work);
  const optional: Optional = {
    withCost: rows.some(({ processorTime }) => processorTime !== undefined),
    withErrors: rows.some((cell) => errorCount(cell) > 0),
  };
  return [
    `${work.work}, ${work.concurrency.value} at a time: ${work.what}`,
    ...renderTable(
      columns(work, control.reference, method.confidence.value, optional),
      rows.map((cell) => row(cell, optional)),
    ),
    ...unmeasured.map(({ subject, reason }) => `${subject}  not measured: ${reason}`),
  ];
}

/** Columns that are there only where they say something. */
interface Optional {
  readonly withCost: boolean;
  readonly withErrors: boolean;
}

function columns(
  { operation }: WorkSummary,
  reference: string,
  confidence: number | null,
  { withCost, withErrors }: Optional,
): Column[] {
  const percent = `${(confidence ?? 0) * 100} %`;
  return [
    { title: "subject", align: "left" },
    { title: operation === "byte" ? "MB/s" : `${operation}s/s`, align: "right" },
    { title: percent, align: "right" },
    { title: `of ${reference} [${percent}]`, align: "right" },
    ...(withCost ? ([{ title: operation === "byte" ? "CPU a MB" : "CPU each", align: "right" }] as const) : []),
    ...SHOWN.map((percentile) => ({ title: `p${percentile}`, align: "right" as const })),
    { title: "share error", align: "right" },
    { title: "promise", align: "left" },
    ...(withErrors ? ([{ title: "errors", align: "right" }] as const) : []),
  ];
}

function row(cell: CellResult, { withCost, withErrors }: Optional): string[] {
  const { subject, rate, ratio, ratioDoubtful, distribution } = cell;
  return [
    subject,
    formatRate(rate),
    formatReach(rate),
    `${formatRatio(ratio)}${ratioDoubtful === true ? " ?" : ""}`,
    ...(withCost ? [formatCost(cell.processorTime)] : []),
    ...SHOWN.map((percentile) => formatLatency(percentileOf(cell, percentile))),
    formatShareError(distribution.shareError),
    promiseText(distribution),
    ...(withErrors ? [String(errorCount(cell))] : []),
  ];
}

function percentileOf({ percentiles }: CellResult, name: string): Quantity {
  return percentiles.find(({ percentile }) => percentile === name)!;
}

function errorCount({ errors }: CellResult): number {
  return Object.values(errors).reduce((sum, { value }) => sum + (value ?? 0), 0);
}

/** What was promised, and whether it was kept. */
export function promiseText({ promise, check }: Pick<CellResult["distribution"], "promise" | "check">): string {
  const name = promiseName(promise);
  switch (check.outcome) {
    case "unchecked":
      if (promise.kind === "none") return NONE;
      return `${name}: ${lacksBlocks(check.worst) ? NOT_ENOUGH : "not checked"}`;
    case "kept":
      return check.chance.value === null ? `${name}: kept` : `${name}: kept, p ${formatChance(check.chance)}`;
    case "unlikely":
      return `${name}: UNLIKELY, p ${formatChance(check.chance)}`;
    case "broken":
      return `${name}: BROKEN, ${check.worst.value} where ${check.allowed.value} may be`;
  }
}

function promiseName(promise: CellResult["distribution"]["promise"]): string {
  switch (promise.kind) {
    case "none":
      return "none";
    case "exact":
      return "in turn";
    case "uniform-random":
      return "random, even";
    case "bounded":
      return `differ ≤ ${promise.maxDifference.value}`;
    case "first":
      return `first ${promise.reach.value} at most`;
  }
}
