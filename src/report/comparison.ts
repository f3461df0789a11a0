import type { Change, Comparison, ComparedFigure } from "./compare.ts";
import type { Estimate } from "../measure/result.ts";
import { formatLatency, formatRate, formatRatio, NONE } from "./format.ts";
import { renderTable } from "./table.ts";

/** What differs between two results, as text: changes beyond noise first, then what a reader has to know. */
export function renderComparison({ changes, hostDiffers, doubtful, unmatched }: Comparison, threshold: number): string {
  const moved = changes.filter(({ verdict }) => verdict === "better" || verdict === "worse");
  const count = (verdict: Change["verdict"]): number => changes.filter((change) => change.verdict === verdict).length;
  const regressions = changes.filter(({ regression }) => regression).length;
  const lines = [
    ...(moved.length === 0 ? ["nothing differs beyond noise"] : changeTable(moved)),
    "",
    `${changes.length} figures: ${count("better")} better, ${count("worse")} worse, ${count("same")} within noise, ${count("untold")} without an interval`,
    `${regressions} ${regressions === 1 ? "regression" : "regressions"} of more than ${threshold * 100} %`,
    "Intervals of 95 %: of twenty figures that did not change, one is said to have.",
    ...hostDiffers.map((text) => `HOSTS DIFFER: ${text}; only ratios to direct count as regressions.`),
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
      { title: "after / before [95 %]", align: "right" },
      { title: "", align: "left" },
    ],
    changes.map(({ work, subject, figure, before, after, quotient, verdict, regression }) => [
      work,
      subject,
      figure,
      figureText(figure, before),
      figureText(figure, after),
      quotient === undefined
        ? NONE
        : formatRatio({ value: quotient.value, interval: [quotient.low, quotient.high], unit: "1" }),
      regression ? "REGRESSION" : verdict,
    ]),
  );
}

function figureText(figure: ComparedFigure, value: Estimate): string {
  if (figure === "ratio") return formatRatio(value);
  if (figure === "rate") return value.unit === "B/s" ? `${formatRate(value)} MB/s` : `${formatRate(value)}/s`;
  return formatLatency(value);
}
