import * as Plot from "@observablehq/plot";
import type { BenchResult, WorkSummary } from "../../measure/result.ts";
import { formatRate, formatReach, formatTick } from "../format.ts";
import { figure } from "./figure.ts";
import type { Html } from "./html.ts";
import { nameMargin } from "./name-margin.ts";

const MEGA = 1e6;

/** What every subject did a second in one work, with intervals, next to the limit of generator and endpoints. */
export function rateFigure(
  { cells, limits, control }: BenchResult,
  { work, operation }: WorkSummary,
): Html | undefined {
  const scale = operation === "byte" ? MEGA : 1;
  const unit = operation === "byte" ? "MB/s" : `${operation}s/s`;
  const own = cells.filter((cell) => cell.work === work);
  const rows = own.flatMap(({ subject, rate: { value, interval } }) => {
    if (value === null) return [];
    const [low, high] = interval ?? [value, value];
    return [{ subject, value: value / scale, low: low / scale, high: high / scale }];
  });
  if (rows.length === 0) return undefined;
  // One slice before all others; the reference is the same once more, block by block, and may have done better.
  const limit = Math.max(
    limits.find((one) => one.work === work)?.rate.value ?? 0,
    own.find(({ subject }) => subject === control.reference)?.rate.value ?? 0,
  );
  const texts = own.map(({ subject, rate }) => `${subject} ${formatRate(rate)} ${formatReach(rate)}`);
  return figure({
    title: `Rate in ${work}, with its 95 % interval; dashed: the most that generator and endpoints do by themselves`,
    alternative: `${unit} in ${work}: ${texts.join("; ")}.`,
    draw: (width) => ({
      height: rows.length * 24 + 72,
      marginLeft: nameMargin(rows.map(({ subject }) => subject)),
      marginRight: 20,
      marginBottom: 44,
      style: { fontSize: "12px" },
      x: {
        labelOffset: 38,
        label: unit,
        grid: true,
        zero: true,
        ...(operation === "byte" ? {} : { tickFormat: formatTick }),
        ...(width < 400 ? { ticks: 4 } : {}),
      },
      y: { label: null, domain: rows.map(({ subject }) => subject) },
      marks: [
        Plot.barX(rows, { y: "subject", x: "value", fill: "var(--bar)", insetTop: 3, insetBottom: 3 }),
        Plot.ruleY(rows, { y: "subject", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 3 }),
        ...(limit === 0 ? [] : [Plot.ruleX([limit / scale], { stroke: "var(--muted)", strokeDasharray: "4 3" })]),
      ],
    }),
  });
}
