import type { BenchResult, CellResult, MeasuredService } from "../measure/result.ts";
import { formatNumber, NONE } from "./format.ts";
import { renderTable } from "./table.ts";

/** More endpoints than this get no column of their own. */
const MOST_COLUMNS = 8;

/**
 * Who took the connections or flows of one service, by subject: shares in percent, of the work that opened most of them.
 * Nothing where no work used the service.
 */
export function distributionLines(result: BenchResult, service: MeasuredService): string[] {
  const { cells } = result;
  const busiest = busiestWork(result, service);
  if (busiest === undefined) return [];
  const rows = cells.filter(({ work }) => work === busiest);
  const { endpoints, servicePort } = service;
  const { of } = rows[0]!.distribution;
  const wide = endpoints.length > MOST_COLUMNS;
  return [
    `shares of ${of} over the endpoints of ${servicePort}, in ${busiest}, in %`,
    ...renderTable(
      [
        { title: "subject", align: "left" },
        { title: of, align: "right" },
        ...(wide ? ["least", "median", "most", "idle"] : shortNames(endpoints)).map((title) => ({
          title,
          align: "right" as const,
        })),
      ],
      rows.map(({ subject, distribution }) => {
        const shares = shareTexts(distribution, wide);
        return [subject, formatNumber(total(distribution), 1)].concat(shares);
      }),
    ),
  ];
}

/** The work that opened most connections or flows to a service; undefined where none used it. */
export function busiestWork({ cells, works }: BenchResult, { protocol }: MeasuredService): string | undefined {
  const names = works.filter((work) => work.protocol === protocol).map(({ work }) => work);
  return names.sort((a, b) => flowsOf(cells, b) - flowsOf(cells, a))[0];
}

/** Without the port where all have the same. */
function shortNames(endpoints: MeasuredService["endpoints"]): string[] {
  const ports = new Set(endpoints.map(({ endpoint }) => endpoint.slice(endpoint.lastIndexOf(":"))));
  return endpoints.map(({ endpoint }) => (ports.size > 1 ? endpoint : endpoint.slice(0, endpoint.lastIndexOf(":"))));
}

function shareTexts({ shares, counts }: CellResult["distribution"], wide: boolean): string[] {
  if (shares.values === null) return wide ? [NONE, NONE, NONE, NONE] : counts.values.map(() => NONE);
  return wide ? shareSummary(shares.values) : shares.values.map(percent);
}

function percent(share: number): string {
  return (share * 100).toFixed(1);
}

function shareSummary(shares: readonly number[]): string[] {
  const sorted = [...shares].sort((a, b) => a - b);
  const idle = sorted.filter((share) => share === 0).length;
  const picks = [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
  return [...picks.map(percent), String(idle)];
}

function flowsOf(cells: readonly CellResult[], work: string): number {
  return cells.filter((cell) => cell.work === work).reduce((sum, { distribution }) => sum + total(distribution), 0);
}

function total({ counts }: CellResult["distribution"]): number {
  return counts.values.reduce((sum, count) => sum + count, 0);
}
