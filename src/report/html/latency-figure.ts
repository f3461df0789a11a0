import * as Plot from "@observablehq/plot";
import type { BenchResult, WorkSummary } from "../../measure/result.ts";
import { formatLatency, formatTick } from "../format.ts";
import { figure } from "./figure.ts";
import type { Html } from "./html.ts";
import { logTicks } from "./log-ticks.ts";
import { legendOf, type Series } from "./series.ts";

interface Point {
  readonly subject: string;
  /** One answer in so many is slower: an axis on which each further nine takes as much room. */
  readonly oneIn: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const MS = 1000;
const percentileNames: Readonly<Record<number, string>> = {
  2: "50",
  10: "90",
  100: "99",
  1000: "99.9",
  10_000: "99.99",
};

/** The latency distribution of every subject in one work; nothing where the work has no single answers. */
export function latencyFigure(
  { cells }: BenchResult,
  { work, loop }: WorkSummary,
  series: readonly Series[],
): Html | undefined {
  const rows = cells.filter((cell) => cell.work === work);
  const points = rows.flatMap(({ subject, percentiles }) =>
    percentiles.flatMap(({ percentile, value, interval }): Point[] => {
      if (value === null) return [];
      const [low, high] = interval ?? [value, value];
      return [
        {
          subject,
          oneIn: Math.round(1 / (1 - Number(percentile) / 100)),
          value: value / MS,
          low: low / MS,
          high: high / MS,
        },
      ];
    }),
  );
  if (points.length === 0) return undefined;
  const drawn = series.filter(({ subject }) => points.some((point) => point.subject === subject));
  const texts = rows.map(({ subject, percentiles }) => {
    const figures = percentiles.filter(({ value }) => value !== null);
    return `${subject}: ${figures.map((one) => `p${one.percentile} ${formatLatency(one)}`).join(", ")}`;
  });
  const [low, high] = [Math.min(...points.map((point) => point.low)), Math.max(...points.map((point) => point.high))];
  const ticks = [...new Set(points.map(({ oneIn }) => oneIn))].sort((a, b) => a - b);
  return figure({
    title: `Latency by percentile in ${work}${loop === "open" ? ", counted from when a request was due" : ", at full load"}; upright: 95 % intervals`,
    alternative: `Latency percentiles in ${work}. ${texts.join("; ")}.`,
    legend: legendOf(drawn),
    draw: () => ({
      height: 320,
      marginLeft: 52,
      marginTop: 28,
      marginBottom: 44,
      style: { fontSize: "12px" },
      x: {
        type: "log",
        label: "percentile",
        labelOffset: 38,
        ticks,
        tickFormat: (oneIn: number) => percentileNames[oneIn] ?? "",
        inset: 10,
      },
      y: { type: "log", label: "ms", grid: true, ticks: logTicks(low, high), tickFormat: formatTick },
      marks: drawn.flatMap(({ subject, colour, symbol }) => {
        const mine = points.filter((point) => point.subject === subject);
        return [
          Plot.ruleX(mine, { x: "oneIn", y1: "low", y2: "high", stroke: colour, strokeWidth: 1.5 }),
          Plot.line(mine, { x: "oneIn", y: "value", stroke: colour, strokeWidth: 1.5 }),
          Plot.dot(mine, { x: "oneIn", y: "value", fill: colour, symbol, r: 4 }),
        ];
      }),
    }),
  });
}
