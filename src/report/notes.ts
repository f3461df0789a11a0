import type { BenchResult, Failure, Noise } from "../measure/result.ts";
import { formatRatio, formatShare, lacksBlocks, NOT_ENOUGH } from "./format.ts";

/** What one has to know to read the tables: failures first, then an early end, noise, and how it was measured. */
export function noteLines(result: BenchResult, jsonFile: string | undefined): string[] {
  const { failures, notes, method, environment } = result;
  const lines = [
    ...failures.map(failureText),
    ...endTexts(result),
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
  if (tooNoisy !== true) return [`Control: ${control} is ${reference} once more; ${quietText(ratios)}.`];
  return ratios
    .filter(({ holdsOne }) => holdsOne === false)
    .map(
      ({ work, ratio }) =>
        `TOO NOISY: ${control} is ${reference} once more, yet in ${work} its ratio is ${formatRatio(ratio)}, without 1. ` +
        "Chance alone does this in one work of 20; otherwise intervals of this run are too short.",
    );
}

/** Of ratios none of which leaves 1. */
function quietText(ratios: Noise["ratios"]): string {
  const untold = ratios.filter(({ holdsOne }) => holdsOne === null);
  if (untold.length === 0) return "all its intervals hold 1";
  if (untold.some(({ ratio }) => lacksBlocks(ratio))) return `${NOT_ENOUGH} to tell whether its intervals hold 1`;
  const works = untold.map(({ work }) => work).join(", ");
  const others = untold.length < ratios.length ? "; all others hold 1" : "";
  return `no interval in ${works}, since a block completed nothing${others}`;
}

/** A run that did not do all its blocks, and what it cannot say for that. */
function endTexts({ endedBy, method: { blocks, plannedBlocks, fewestBlocks, budget } }: BenchResult): string[] {
  if (endedBy === "plan") return [];
  const why = endedBy === "signal" ? "Stopped early" : `The budget of ${budget.value} s was over`;
  const few = (blocks.value ?? 0) < (fewestBlocks.value ?? 0);
  const lacking = few
    ? `: ${NOT_ENOUGH} for intervals, share errors and promises, which take ${fewestBlocks.value}`
    : "";
  return [`${why} after ${blocks.value} of ${plannedBlocks.value} blocks${lacking}.`];
}

/** A hypervisor that took more than this is worth a line. */
const NOTICED_SHARE = 0.005;

function stolenText(share: number | null): string[] {
  if (share === null || share < NOTICED_SHARE) return [];
  return [`The hypervisor gave ${formatShare(share)} of the processor time to others meanwhile.`];
}
