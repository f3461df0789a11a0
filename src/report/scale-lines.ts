import type { BenchResult } from "../measure/result.ts";
import { formatNumber, formatReach, NONE } from "./format.ts";
import { growthTexts } from "./growth-texts.ts";
import { renderTable } from "./table.ts";

const headings = [
  "subject",
  "rules passed",
  "ns a decision",
  "full sync",
  "95 %",
  "bytes",
  "one endpoint",
  "95 %",
  "bytes",
  "memory",
];

/** What the number of services costs besides packets, as rows of a table. */
export function scaleRows({ scale }: BenchResult): { readonly head: readonly string[]; readonly rows: string[][] } {
  const text = (value: number | null, unit = ""): string => (value === null ? NONE : `${formatNumber(value)}${unit}`);
  const rows = (scale?.points ?? []).map((point) => [
    point.subject,
    text(point.rules.value),
    text(point.decision.value),
    text(point.fullSync.value, " ms"),
    formatReach(point.fullSync),
    text(point.fullBytes.value),
    text(point.changeSync.value, " ms"),
    formatReach(point.changeSync),
    text(point.changeBytes.value),
    text(point.memory.value, " MiB"),
  ]);
  return { head: headings, rows };
}

/** The same on a terminal, with what it comes to; nothing where a run had no numbers of services. */
export function scaleLines(result: BenchResult): string[] {
  if (result.scale === undefined) return [];
  const { head, rows } = scaleRows(result);
  const columns = head.map((title, at) => ({ title, align: at === 0 ? ("left" as const) : ("right" as const) }));
  return ["rules and syncs", ...renderTable(columns, rows), ...growthTexts(result.scale)];
}
