import * as Plot from "@observablehq/plot";
import type { BenchResult, WorkSummary } from "../../measure/result.ts";
import { formatRate, formatTick } from "../format.ts";
import { formatCost } from "../processor-time.ts";
import { figure } from "./figure.ts";
import type { Html } from "./html.ts";
import { legendOf, type Series } from "./series.ts";

const MEGA = 1e6;

/** Rate and processor time of every subject in one work, with intervals both ways: the best are low on the right. */
export function costFigure(
  { cells }: BenchResult,
  { work, operation }: WorkSummary,
  series: readonly Series[],
): Html | undefined {
  const scale = operation === "byte" ? MEGA : 1;
  const own = cells.filter((cell) => cell.work === work);
  const points = own.flatMap(({ subject, rate, processorTime }) => {
    if (rate.value === null || processorTime === undefined || processorTime.value === null) return [];
    const [left, right] = (rate.interval ?? [rate.value, rate.value]).map((end) => end / scale);
    const [low, high] = processorTime.interval ?? [processorTime.value, processorTime.value];
    return [{ subject, rate: rate.value / scale, cost: processorTime.value, left, right, low, high }];
  });
  if (points.length === 0) return undefined;
  const drawn = series.filter(({ subject }) => points.some((point) => point.subject === subject));
  const per = operation === "byte" ? "MB" : operation;
  const texts = own
    .filter(({ subject }) => points.some((point) => point.subject === subject))
    .map((cell) => `${cell.subject} ${formatRate(cell.rate)} a second at ${formatCost(cell.processorTime)}`);
  return figure({
    title: `Rate and processor time by subject in ${work}, with 95 % intervals`,
    alternative: `Processor time for each ${per}, in ${work}. ${texts.join("; ")}.`,
    legend: legendOf(drawn),
    draw: (width) => ({
      height: 300,
      marginLeft: 56,
      marginRight: 20,
      marginBottom: 44,
      style: { fontSize: "12px" },
      x: {
        label: operation === "byte" ? "MB a second" : `${per}s a second`,
        labelOffset: 38,
        grid: true,
        zero: true,
        ...(operation === "byte" ? {} : { tickFormat: formatTick }),
        ...(width < 400 ? { ticks: 4 } : {}),
      },
      y: { label: `µs of a processor for each ${per}`, grid: true, zero: true },
      color: { domain: drawn.map(({ subject }) => subject), range: drawn.map(({ colour }) => colour) },
      symbol: { domain: drawn.map(({ subject }) => subject), range: drawn.map(({ symbol }) => symbol) },
      marks: [
        Plot.ruleX(points, { x: "rate", y1: "low", y2: "high", stroke: "subject", strokeWidth: 2 }),
        Plot.ruleY(points, { y: "cost", x1: "left", x2: "right", stroke: "subject", strokeWidth: 2 }),
        Plot.dot(points, { x: "rate", y: "cost", stroke: "subject", fill: "subject", symbol: "subject", r: 5 }),
      ],
    }),
  });
}
