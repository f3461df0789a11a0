import type { BenchResult, EmulatedCell, EmulatedResult, Estimate } from "../measure/result.ts";
import { isDecisionDoubtful, mark } from "./control.ts";
import { formatNumber, formatReach, formatShare, NONE } from "./format.ts";
import { type Column, renderTable } from "./table.ts";
import { promiseText } from "./work-section.ts";

/** What subjects without traffic decide. Nothing of a result that has none. */
export function emulatedSections({ emulated }: BenchResult): string[][] {
  if (emulated === undefined) return [];
  const columns = emulatedTitles.map((title, at): Column => ({ title, align: at < 2 ? "left" : "right" }));
  return [
    ["decisions in the emulator, without traffic", ...renderTable(columns, emulatedRows(emulated))],
    ["how they were decided", ...emulated.method.map((text) => `- ${text}`)],
  ];
}

export const emulatedTitles = [
  "subject",
  "service",
  "rules passed",
  "95 %",
  "ns a decision",
  "95 %",
  "flows",
  "share error",
  "95 %",
  "promise",
] as const;

export function emulatedRows(emulated: EmulatedResult): string[][] {
  return emulated.cells.map((cell) => [
    cell.subject,
    cell.servicePort,
    formatSteps(cell.rules),
    cell.rules.interval === null ? reasonText(cell.rules) : formatReach(cell.rules),
    `${cell.decision.value === null ? NONE : formatNumber(cell.decision.value)}${mark(isDecisionDoubtful(emulated, cell.servicePort))}`,
    formatReach(cell.decision),
    formatNumber(cell.flows.value ?? 0, 1),
    formatShare(cell.shareError.value),
    formatShareReach(cell),
    promiseText(cell),
  ]);
}

/** Rules a packet: whole ones mostly. */
export function formatSteps({ value }: Estimate): string {
  return value === null ? NONE : formatNumber(value);
}

/** Where all blocks came to the same there is nothing that an interval could say. */
function reasonText(figure: Estimate): string {
  return "reason" in figure && figure.reason === "no-spread" ? "always" : NONE;
}

function formatShareReach({ shareError }: EmulatedCell): string {
  if (shareError.interval === null) return reasonText(shareError);
  const [low, high] = shareError.interval.map((end) => (end * 100).toFixed(2));
  return `[${low}, ${high}] %`;
}
