import type { Change, Comparison, Shift } from "./compare.ts";
import type { FigureName } from "./compared-figures.ts";
import type { Estimate } from "../measure/result.ts";
import { failureText } from "./notes.ts";
import { formatLatency, formatNumber, formatRate, formatRatio, NONE } from "./format.ts";
import { renderTable } from "./table.ts";

/** What differs between two results, as text: changes beyond noise first, then what a reader has to know. */
export function renderComparison(
  { changes, hostDiffers, workDiffers, doubtful, failures, unmatched }: Comparison,
  threshold: number,
): string {
  const moved = changes.filter(({ verdict }) => verdict === "better" || verdict === "worse");
  const count = (verdict: Change["verdict"]): number => changes.filter((change) => change.verdict === verdict).length;
  const regressions = changes.filter(({ regression }) => regression).length;
  const lines = [
    ...(moved.length > 0
      ? changeTable(moved)
      : [`${failures.length > 0 ? "no figure" : "nothing"} differs beyond noise`]),
    "",
    `${changes.length} figures: ${count("better")} better, ${count("worse")} worse, ${count("same")} within noise, ${count("untold")} without an interval`,
    `${regressions} ${regressions === 1 ? "regression" : "regressions"} of more than ${threshold * 100} %`,
    ...failures.map((failure) => `${failureText(failure)} It had not before: a regression.`),
    "Intervals of 95 %: of twenty figures that did not change, one is said to have.",
    ...workDiffers.map((text) => `WORK DIFFERS: ${text}; nothing counts as a regression but what fails.`),
    ...hostDiffers.map((text) => `HOSTS DIFFER: ${text}; only ratios, shares and counts count as regressions.`),
    ...(["before", "after"] as const)
      .filter((which) => doubtful[which])
      .map((which) => `CONTROL DIFFERS in the result ${which}: its intervals are too short by an unknown factor.`),
    ...unmatched.map((cell) => `only one of them has ${cell}`),
  ];
  return `${lines.join("\n")}\n`;
}

function changeTable(changes: readonly Change[]): string[] {
  return renderTable(
    [
      { title: "work", align: "left" },
      { title: "subject", align: "left" },
      { title: "figure", align: "left" },
      { title: "before", align: "right" },
      { title: "after", align: "right" },
      { title: "after / before, or + or − [95 %]", align: "right" },
      { title: "", align: "left" },
    ],
    changes.map(({ work, subject, figure, before, after, quotient, difference, verdict, regression }) => [
      work,
      subject,
      figure,
      figureText(figure, before),
      figureText(figure, after),
      shiftText(quotient, difference, before),
      regression ? "REGRESSION" : verdict,
    ]),
  );
}

/** A difference has a sign and the unit of its figure. */
function shiftText(quotient: Shift | undefined, difference: Shift | undefined, { unit }: Estimate): string {
  if (quotient !== undefined) {
    return formatRatio({ value: quotient.value, interval: [quotient.low, quotient.high], unit: "1" });
  }
  if (difference === undefined) return NONE;
  const [value, low, high] = [difference.value, difference.low, difference.high].map(signed);
  return `${value} [${low}, ${high}]${unit === "1" ? "" : ` ${unit}`}`;
}

function signed(value: number): string {
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${formatNumber(Math.abs(value))}`;
}

const ratios: ReadonlySet<FigureName> = new Set(["ratio", "growth of rate", "growth of p50"]);
const shares: ReadonlySet<FigureName> = new Set(["slow one's share", "clients moved", "share error"]);

function figureText(figure: FigureName, estimate: Estimate): string {
  const { value, unit } = estimate;
  if (value === null) return NONE;
  if (ratios.has(figure)) return formatRatio(estimate);
  if (shares.has(figure)) return `${(value * 100).toFixed(2)} %`;
  if (unit === "B/s") return `${formatRate(estimate)} MB/s`;
  if (unit === "1/s") return `${formatRate(estimate)}/s`;
  if (unit === "us") return formatLatency(estimate);
  return unit === "1" ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}
