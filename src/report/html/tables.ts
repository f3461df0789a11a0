import type { BenchResult, CellResult, Environment, Quantity, WorkSummary } from "../../measure/result.ts";
import { formatLatency, formatNumber, formatRate, formatRatio, formatReach, formatShare, NONE } from "../format.ts";
import { formatCost } from "../processor-time.ts";
import { scaleRows } from "../scale-lines.ts";
import { promiseText } from "../work-section.ts";
import { html, type Html } from "./html.ts";

/** A table that scrolls by itself where the screen is narrow; by keys, too. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
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
  const percentiles = rows[0]?.percentiles.map(({ percentile }) => `p${percentile}`) ?? [];
  const caption = `${work}, ${concurrency.value} at a time: ${what}`;
  const head = [
    "subject",
    operation === "byte" ? "MB/s" : `${operation}s/s`,
    "±",
    `of ${control.reference}`,
    operation === "byte" ? "CPU a MB" : "CPU each",
    ...percentiles,
  ];
  return table(caption, [...head, "generator busy", "errors", "promise"], rows.map(workRow));
}

function workRow(cell: CellResult): string[] {
  const figures = [
    cell.subject,
    formatRate(cell.rate),
    formatReach(cell.rate),
    `${formatRatio(cell.ratio)}${cell.ratioDoubtful === true ? " ?" : ""}`,
    formatCost(cell.processorTime),
  ];
  const latencies = cell.percentiles.map((one) => {
    return one.interval === null ? formatLatency(one) : `${formatLatency(one)} ${formatReach(one)}`;
  });
  const errors = Object.values(cell.errors).reduce((sum, { value }) => sum + (value ?? 0), 0);
  return figures.concat(
    latencies,
    formatShare(cell.generatorBusy.value),
    String(errors),
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
    ["processors", quantityText(env.processors)],
    ["governor", env.cpuGovernor ?? "unknown"],
    ["memory", `${quantityText(env.memoryTotal)}, ${quantityText(env.memoryFree)} free`],
    ["load before and after", `${quantityText(env.loadAverageBefore)}, ${quantityText(env.loadAverageAfter)}`],
    ["time stolen by the hypervisor", formatShare(env.stolenTime.value)],
    ["blocks", `${method.blocks.value} of ${method.plannedBlocks.value}, slices of ${quantityText(method.window)}`],
    ["budget", quantityText(method.budget)],
    ["seed", method.seed],
    ...sysctlRows(env),
  ];
  return table("environment", ["what", "value"], rows);
}

function sysctlRows({ sysctls }: Environment): [string, string][] {
  return Object.entries(sysctls).map(([name, value]) => [name, value ?? "not there"]);
}

function quantityText({ value, unit }: Quantity): string {
  if (value === null) return NONE;
  return unit === "1" ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}
