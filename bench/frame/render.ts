import { geometricMeanInterval, type Interval } from "../../src/measure/intervals.ts";
import type { Quality } from "./bench.ts";

/** All that was measured of a case: one figure a round. */
export interface CaseFigures {
  readonly label: string;
  readonly ns: readonly number[];
  readonly processorNs: readonly number[];
  readonly targetNs: number | undefined;
  readonly bytes: number | undefined;
  readonly quality: Quality;
}

/** Of the resampling; the same figures give the same intervals. */
const SEED = 1;

/** A table, a line a case: the mean of the rounds with its 95 % interval, and what else is known. */
export function renderFigures(figures: readonly CaseFigures[]): string {
  const head = ["case", "time an operation (95 %)", "processor time (95 %)", "target", "heap bytes", "quality"];
  const lines = figures.map(({ label, ns, processorNs, targetNs, bytes, quality }) => [
    label,
    renderTimes(geometricMeanInterval(ns, SEED)),
    processorNs.length === 0 ? "" : renderTimes(geometricMeanInterval(processorNs, SEED)),
    targetNs === undefined ? "" : `≤ ${renderNs(targetNs)}`,
    bytes === undefined ? "" : bytes.toFixed(2),
    Object.entries(quality)
      .map(([name, value]) => `${name} ${renderNumber(value)}`)
      .join(", "),
  ]);
  return renderTable([head, ...lines]);
}

/** A line a ratio: each round gives one, so that what a round did to both cancels. */
export function renderRatios(
  figures: readonly CaseFigures[],
  ratios: readonly (readonly [of: string, to: string])[],
): string {
  const nsOf = new Map(figures.map(({ label, ns }) => [label, ns]));
  const lines = ratios
    .filter(([of, to]) => nsOf.has(of) && nsOf.has(to))
    .map(([of, to]) => {
      const base = nsOf.get(to)!;
      const { estimate, low, high } = geometricMeanInterval(
        nsOf.get(of)!.map((ns, round) => ns / base[round]!),
        SEED,
      );
      return [`${of} / ${to}`, `${renderNumber(estimate)}${renderRange(low, high, renderNumber)}`];
    });
  return renderTable([["ratio of times", "(95 %)"], ...lines]);
}

function renderTimes({ estimate, low, high }: Interval): string {
  return `${renderNs(estimate)}${renderRange(low, high, renderNs)}`;
}

function renderRange(low: number | undefined, high: number | undefined, render: (value: number) => string): string {
  return low === undefined || high === undefined ? "" : ` (${render(low)} … ${render(high)})`;
}

function renderNs(ns: number | undefined): string {
  if (ns === undefined) return "?";
  if (ns < 1e3) return `${ns.toFixed(1)} ns`;
  return ns < 1e6 ? `${(ns / 1e3).toFixed(2)} µs` : `${(ns / 1e6).toFixed(2)} ms`;
}

function renderNumber(value: number | undefined): string {
  return value === undefined ? "?" : String(Number(value.toPrecision(3)));
}

/** A line a row, columns side by side. */
export function renderTable(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
