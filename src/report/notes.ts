import type { BenchResult, Failure } from "../measure/result.ts";
import { formatRatio, formatShare } from "./format.ts";

/** What one has to know to read the tables: failures first, then noise, then how it was measured. */
export function noteLines(result: BenchResult, jsonFile: string | undefined): string[] {
  const { failures, notes, method, environment } = result;
  const lines = [
    ...failures.map(failureText),
    ...noiseTexts(result),
    `Intervals (${(method.confidence.value ?? 0) * 100} %): ${method.intervals}`,
    ...stolenText(environment.stolenTime.value),
    ...notes,
    ...(jsonFile === undefined ? [] : [`All figures, blocks and histograms: ${jsonFile}`]),
  ];
  return ["notes", ...lines.map((line) => `- ${line}`)];
}

const reasons: Readonly<Record<Failure["reason"], string>> = {
  "wrong-answer": "got answers that were not the ones to its requests",
  unanswered: "left requests unanswered",
  "lost-count": "had endpoints see another number of requests than were answered",
  "promise-broken": "did not distribute as it promises",
};

function failureText({ subject, work, reason }: Failure): string {
  return `FAILED: ${subject} ${reasons[reason]} in ${work}.`;
}

function noiseTexts({ noise: { reference, control, ratios, tooNoisy } }: BenchResult): string[] {
  if (!tooNoisy) {
    return [`Control: ${control} is ${reference} once more; all its intervals hold 1 that have enough blocks.`];
  }
  return ratios
    .filter(({ holdsOne }) => holdsOne === false)
    .map(
      ({ work, ratio }) =>
        `TOO NOISY: ${control} is ${reference} once more, yet in ${work} its ratio is ${formatRatio(ratio)}, without 1. ` +
        "Chance alone does this in one work of 20; otherwise intervals of this run are too short.",
    );
}

/** A hypervisor that took more than this is worth a line. */
const NOTICED_SHARE = 0.005;

function stolenText(share: number | null): string[] {
  if (share === null || share < NOTICED_SHARE) return [];
  return [`The hypervisor gave ${formatShare(share)} of the processor time to others meanwhile.`];
}
