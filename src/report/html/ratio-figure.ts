import * as Plot from "@observablehq/plot";
import type { BenchResult } from "../../measure/result.ts";
import { mark } from "../control.ts";
import { formatRatio } from "../format.ts";
import { figure } from "./figure.ts";
import type { Html } from "./html.ts";
import { nameMargin } from "./name-margin.ts";

interface Row {
  readonly subject: string;
  readonly work: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly isSure: boolean;
}

/** The answer in one picture: every subject's rate as a part of the reference's, with its interval, work by work. */
export function ratioFigure(result: BenchResult): Html | undefined {
  const rows = rowsOf(result);
  if (rows.length === 0) return undefined;
  const { reference } = result.control;
  const works = result.works.map(({ work }) => work).filter((work) => rows.some((row) => row.work === work));
  const label = `× ${reference}`;
  const subjects = result.subjects
    .map(({ subject }) => subject)
    .filter((one) => rows.some((row) => row.subject === one));
  const alternatives = result.cells
    .filter(({ ratio }) => ratio !== null && ratio.value !== null)
    .map(({ subject, work, ratio, ratioDoubtful }) => {
      return `${subject} in ${work}: ${formatRatio(ratio)}${mark(ratioDoubtful === true)}`;
    });
  return figure({
    title: `Rate as a part of ${reference}'s, with its 95 % interval`,
    alternative: `Ratios to ${reference}. ${alternatives.join("; ")}.`,
    draw: (width) =>
      width < NARROWEST_ROW ? below(rows, works, subjects, label) : beside(rows, works, subjects, label),
  });
}

/** Works side by side take one row of the screen; where that is too narrow they stand one below the other. */
const NARROWEST_ROW = 700;
const ROW = 20;

function beside(
  rows: readonly Row[],
  works: readonly string[],
  subjects: readonly string[],
  label: string,
): Plot.PlotOptions {
  return {
    height: subjects.length * ROW + 84,
    ...common(subjects, label),
    // Few enough that the last of one work and the first of the next do not run together.
    x: { ...common(subjects, label).x, ticks: 3 },
    fx: { label: null, domain: works, axis: null, padding: 0.12 },
    marks: marksOf(rows, works, { fx: "work" }),
  };
}

function below(
  rows: readonly Row[],
  works: readonly string[],
  subjects: readonly string[],
  label: string,
): Plot.PlotOptions {
  return {
    height: works.length * (subjects.length * ROW + 44) + 60,
    ...common(subjects, label),
    fy: { label: null, domain: works, axis: null, padding: 0.18 },
    marks: marksOf(rows, works, { fy: "work" }),
  };
}

function common(subjects: readonly string[], label: string): Plot.PlotOptions {
  return {
    marginLeft: nameMargin(subjects),
    marginRight: 16,
    marginTop: 34,
    marginBottom: 44,
    style: { fontSize: "11px" },
    x: { label, labelOffset: 38, grid: true, zero: true, ticks: 4, nice: true },
    y: { label: null, domain: subjects },
  };
}

function marksOf(
  rows: readonly Row[],
  works: readonly string[],
  facet: { readonly fx?: string; readonly fy?: string },
): Plot.Markish[] {
  const titles = works.map((work) => ({ work }));
  return [
    Plot.frame({ stroke: "var(--line)" }),
    Plot.ruleX([1], { stroke: "var(--muted)", strokeDasharray: "4 3" }),
    Plot.text(titles, { ...facet, text: "work", frameAnchor: "top-left", dy: -14 }),
    Plot.ruleY(rows, { ...facet, y: "subject", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 3 }),
    Plot.dot(rows, {
      ...facet,
      y: "subject",
      x: "value",
      r: 4.5,
      fill: (row: Row) => (row.isSure ? "var(--accent)" : "var(--page)"),
      stroke: "var(--accent)",
      strokeWidth: 2,
    }),
  ];
}

function rowsOf({ cells }: BenchResult): Row[] {
  return cells.flatMap(({ subject, work, ratio, ratioDoubtful }) => {
    if (ratio === null || ratio.value === null) return [];
    const [low, high] = ratio.interval ?? [ratio.value, ratio.value];
    return [
      { subject, work, value: ratio.value, low, high, isSure: ratioDoubtful === false && ratio.interval !== null },
    ];
  });
}
