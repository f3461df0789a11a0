import type { BenchResult, CellResult, Environment, Quantity, WorkSummary } from "../../measure/result.ts";
import { formatLatency, formatNumber, formatRate, formatRatio, formatReach, formatShare, NONE } from "../format.ts";
import { formatCost } from "../processor-time.ts";
import { scaleRows } from "../scale-lines.ts";
import { promiseText } from "../work-section.ts";
import { html, type Html } from "./html.ts";

/**
 * A table that scrolls by itself where the screen is narrow; by keys, too. What a row is about stays in sight.
 *
 * @param look `words`: its cells are texts, which begin at the left and wrap.
 */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  look: "figures" | "words" = "figures",
): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table class="${look}">
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${head.map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first, ...rest]) =>
            html`<tr>
              <th scope="row">${first}</th>
              ${rest.map((text) => html`<td>${text}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Every figure of one work. */
export function workTable({ cells, control }: BenchResult, { work, operation, concurrency, what }: WorkSummary): Html {
  const rows = cells.filter((cell) => cell.work === work);
  const optional: Optional = {
    percentiles: (rows[0]?.percentiles ?? [])
      .map(({ percentile }) => percentile)
      .filter((name) => rows.some(({ percentiles }) => percentileOf(percentiles, name)?.value !== null)),
    withErrors: rows.some((cell) => errorCount(cell) > 0),
  };
  const caption = `${work}, ${concurrency.value} at a time: ${what}`;
  const head = [
    "subject",
    operation === "byte" ? "MB/s" : `${operation}s/s`,
    "±",
    `of ${control.reference}`,
    operation === "byte" ? "CPU a MB" : "CPU each",
    ...optional.percentiles.map((name) => `p${name}`),
    "generator busy",
    ...(optional.withErrors ? ["errors"] : []),
    "promise",
  ];
  return table(
    caption,
    head,
    rows.map((cell) => workRow(cell, optional)),
  );
}

/** Columns that are there only where they say something. */
interface Optional {
  readonly percentiles: readonly string[];
  readonly withErrors: boolean;
}

function percentileOf(
  percentiles: CellResult["percentiles"],
  name: string,
): CellResult["percentiles"][number] | undefined {
  return percentiles.find(({ percentile }) => percentile === name);
}

function errorCount({ errors }: CellResult): number {
  return Object.values(errors).reduce((sum, { value }) => sum + (value ?? 0), 0);
}

function workRow(cell: CellResult, { percentiles, withErrors }: Optional): string[] {
  const figures = [
    cell.subject,
    formatRate(cell.rate),
    formatReach(cell.rate),
    `${formatRatio(cell.ratio)}${cell.ratioDoubtful === true ? " ?" : ""}`,
    formatCost(cell.processorTime),
  ];
  const latencies = percentiles.map((name) => {
    const one = percentileOf(cell.percentiles, name)!;
    return one.interval === null ? formatLatency(one) : `${formatLatency(one)} ${formatReach(one)}`;
  });
  return figures.concat(
    latencies,
    formatShare(cell.generatorBusy.value),
    withErrors ? [String(errorCount(cell))] : [],
    promiseText(cell.distribution),
  );
}

/** What the number of services costs besides packets; nothing where a run had no such numbers. */
export function scaleTable(result: BenchResult): Html | undefined {
  const { head, rows } = scaleRows(result);
  return rows.length === 0 ? undefined : table("rules and syncs by number of services", head, rows);
}

/** Which endpoint took how many. */
export function countsTable({ cells, services }: BenchResult, work: WorkSummary): Html | undefined {
  const service = services.find(({ protocol }) => protocol === work.protocol);
  const rows = cells.filter((cell) => cell.work === work.work);
  if (service === undefined || rows.length === 0) return undefined;
  return table(
    `${rows[0]!.distribution.of} of each endpoint in ${work.work}`,
    ["endpoint", ...rows.map(({ subject }) => subject)],
    service.endpoints.map(({ endpoint }, at) => {
      const counts = rows.map(({ distribution }) => formatNumber(distribution.counts.values[at] ?? 0, 1));
      return [endpoint].concat(counts);
    }),
  );
}

/** What it was measured on. */
export function environmentTable({ environment: env, method }: BenchResult): Html {
  const rows: [string, string][] = [
    ["started", env.startedAt],
    ["sluice", env.gitCommit === null ? env.sluiceVersion : `${env.sluiceVersion}, commit ${env.gitCommit}`],
    ["Node", env.nodeVersion],
    ...Object.entries(env.versions),
    ["engine", env.engine],
    ["system", env.system],
    ["processor", env.cpuModel ?? "unknown"],
    ["processors", String(env.processors.value ?? NONE)],
    ["governor", env.cpuGovernor ?? "unknown"],
    ["memory", `${quantityText(env.memoryTotal)}, ${quantityText(env.memoryFree)} free`],
    ["load before and after", `${quantityText(env.loadAverageBefore)}, ${quantityText(env.loadAverageAfter)}`],
    ["time stolen by the hypervisor", formatShare(env.stolenTime.value)],
    ["blocks", `${method.blocks.value} of ${method.plannedBlocks.value}, slices of ${quantityText(method.window)}`],
    ["budget", `${method.budget.value} s`],
    ["seed", method.seed],
    ...sysctlRows(env),
  ];
  return table("what it was measured on", ["what", "value"], rows, "words");
}

function sysctlRows({ sysctls }: Environment): [string, string][] {
  return Object.entries(sysctls).map(([name, value]) => [name, value ?? "not there"]);
}

function quantityText({ value, unit }: Quantity): string {
  if (value === null) return NONE;
  return unit === "1" ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}
