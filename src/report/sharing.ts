import type { BenchResult, Estimate, SharingResult } from "../measure/result.ts";
import { isSharingDoubtful, mark } from "./control.ts";
import { formatLatency, formatRate, formatReach, formatShare, NONE } from "./format.ts";
import { type Column, renderTable } from "./table.ts";

/** How connections are shared out where endpoints are not alike or change. Nothing of a result that does not say. */
export function sharingSections({ sharing }: BenchResult): string[][] {
  if (sharing === undefined) return [];
  return [
    ["one endpoint is slower than the others", ...renderTable(columnsOf(slowTitles), slowRows(sharing))],
    [
      "an endpoint is added and removed: clients that move",
      ...renderTable(columnsOf(changeTitles), changeRows(sharing)),
    ],
    ["how it was shared out", ...sharing.method.map((text) => `- ${text}`)],
  ];
}

export const slowTitles = [
  "subject",
  "slow one's share",
  "95 %",
  "by chance",
  "requests/s",
  "±",
  "p50",
  "p99",
] as const;

export function slowRows(sharing: SharingResult): string[][] {
  const [share, speed] = (["slow-share", "rate"] as const).map((figure) => mark(isSharingDoubtful(sharing, figure)));
  return sharing.slow.map(({ subject, slowShare, chance, rate, median, p99 }) => [
    subject,
    `${formatShare(slowShare.value)}${share}`,
    formatShareRange(slowShare),
    formatShareRange(chance),
    `${formatRate(rate)}${speed}`,
    formatReach(rate),
    formatLatency(median),
    formatLatency(p99),
  ]);
}

export const changeTitles = ["subject", "change", "moved", "95 %", "least possible", "by chance"] as const;

export function changeRows(sharing: SharingResult): string[][] {
  return sharing.changes.map(({ subject, change, moved, least, chance }) => [
    subject,
    change,
    `${formatShare(moved.value)}${mark(isSharingDoubtful(sharing, `moved-when-${change}`))}`,
    formatShareRange(moved),
    formatShare(least.value),
    formatShareRange(chance),
  ]);
}

/** `[23.1, 26.9] %` */
export function formatShareRange({ interval }: Estimate): string {
  if (interval === null) return NONE;
  const [low, high] = interval.map((end) => (end * 100).toFixed(1));
  return `[${low}, ${high}] %`;
}

function columnsOf(titles: readonly string[]): Column[] {
  return titles.map((title, at) => ({ title, align: at === 0 ? "left" : "right" }));
}
