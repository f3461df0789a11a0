import type { BenchResult, Estimate, FaultCell, FaultsResult } from "../measure/result.ts";
import { formatNumber, NONE } from "./format.ts";
import { type Column, renderTable } from "./table.ts";

/** A table an event: requests that failed, and how long. Nothing of a result without events. */
export function faultSections({ faults }: BenchResult): string[][] {
  if (faults === undefined) return [];
  return [
    ...faults.events.map(({ event, what }) => eventLines(faults, event, what)),
    ["how it was played", ...faults.method.map((text) => `- ${text}`)],
  ];
}

const columns: readonly Column[] = [
  { title: "connections", align: "left" },
  { title: "subject", align: "left" },
  ...["requests", "failed", "95 %", "last failure", "95 %", "first answer", "back after"].map((title) => {
    return { title, align: "right" as const };
  }),
  { title: "of these", align: "left" },
];

function eventLines({ cells }: FaultsResult, event: string, what: string): string[] {
  const rows = cells.filter((cell) => cell.event === event).map(faultTexts);
  return [`${event}: ${what}`, ...renderTable(columns, rows)];
}

/** A cell as the columns have it. */
export function faultTexts(cell: FaultCell): string[] {
  const { connections, subject, asked, failed, lastFailure, firstAnswer, backAfter } = cell;
  return [
    connections,
    subject,
    formatNumber(asked.value ?? 0, 1),
    formatMean(failed),
    formatMeanReach(failed),
    formatMs(lastFailure),
    formatMeanReach(lastFailure),
    formatMs(firstAnswer),
    formatMs(backAfter),
    errorText(cell),
  ];
}

/** As many as of `faultTexts`. */
export const faultTitles = columns.map(({ title }) => title);

/** A mean of counts, or of something as plain. */
export function formatMean({ value }: Estimate): string {
  return value === null ? NONE : formatNumber(value, 2);
}

function formatMs(estimate: Estimate): string {
  return estimate.value === null ? NONE : `${estimate.value === 0 ? "0" : estimate.value.toFixed(0)} ms`;
}

/** The interval of a mean that can be 0, by its ends. */
export function formatMeanReach({ interval, unit }: Estimate): string {
  if (interval === null) return NONE;
  const digits = unit === "ms" ? 0 : 1;
  return `[${interval[0].toFixed(digits)}, ${interval[1].toFixed(digits)}]`;
}

function errorText({ errors: { refused, dropped, timedOut, wrong } }: FaultCell): string {
  const parts = [
    [refused, "refused"],
    [dropped, "dropped"],
    [timedOut, "timed out"],
    [wrong, "wrong"],
  ] as const;
  return parts
    .filter(([{ value }]) => (value ?? 0) > 0)
    .map(([{ value }, name]) => `${value} ${name}`)
    .join(", ");
}
