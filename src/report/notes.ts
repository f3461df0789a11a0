import type { BenchResult, Control, Failure } from "../measure/result.ts";
import { formatNumber, formatRatio, formatShare, lacksBlocks, NOT_ENOUGH } from "./format.ts";

/** What one has to know to read the tables: failures first, then an early end, noise, and how it was measured. */
export function noteLines(result: BenchResult, jsonFile: string | undefined): string[] {
  const lines = [
    ...noteTexts(result),
    ...(jsonFile === undefined ? [] : [`All figures, blocks and histograms: ${jsonFile}`]),
  ];
  return ["notes", ...lines.map((line) => `- ${line}`)];
}

/** The same, sentence by sentence. */
export function noteTexts(result: BenchResult): string[] {
  const { failures, notes, method, environment } = result;
  return [
    ...failures.map(failureText),
    ...endTexts(result),
    ...controlTexts(result),
    ...bottleneckTexts(result),
    ...(method.generator === undefined ? [] : [`Load generator: ${method.generator}.`]),
    `Intervals (${(method.confidence.value ?? 0) * 100} %): ${method.intervals}`,
    ...stolenText(environment.stolenTime.value),
    ...notes,
  ];
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

function controlTexts({ control: { reference, again, ratios, differs } }: BenchResult): string[] {
  if (ratios.length === 0) return [`Control: ${again} is ${reference} once more; ${plainControl(differs)}.`];
  if (differs !== true) return [`Control: ${again} is ${reference} once more; ${quietText(ratios)}.`];
  return ratios
    .filter(({ holdsOne }) => holdsOne === false)
    .map(
      ({ work, ratio }) =>
        `CONTROL DIFFERS: ${again} is ${reference} once more, yet in ${work} its ratio is ${formatRatio(ratio)}, without 1. ` +
        "Chance alone does this in one work of 20; otherwise intervals are too short: ratios of this work are marked with ?.",
    );
}

/** Of a plan without ratios. */
function plainControl(differs: boolean | null): string {
  if (differs === null) return "whether it differs cannot be told";
  return differs ? "AND YET IT DIFFERS: intervals are too short by an unknown factor" : "it does not differ";
}

/** Of ratios none of which leaves 1. */
function quietText(ratios: Control["ratios"]): string {
  const untold = ratios.filter(({ holdsOne }) => holdsOne === null);
  if (untold.length === 0) return "all its intervals hold 1";
  if (untold.some(({ ratio }) => lacksBlocks(ratio))) return `${NOT_ENOUGH} to tell whether its intervals hold 1`;
  const works = untold.map(({ work }) => work).join(", ");
  const others = untold.length < ratios.length ? "; all others hold 1" : "";
  return `no interval in ${works}, since a block completed nothing${others}`;
}

/** A run that did not do all its blocks, and what it cannot say for that. */
function endTexts({
  endedBy,
  method: { blocks, plannedBlocks, fewestBlocks, budget, precision },
}: BenchResult): string[] {
  if (endedBy === "plan") return [];
  if (endedBy === "precision") return [precisionText(precision.value ?? 0, blocks.value ?? 0, budget.value ?? 0)];
  const why = endedBy === "signal" ? "Stopped early" : `The budget of ${budget.value} s was over`;
  const few = (blocks.value ?? 0) < (fewestBlocks.value ?? 0);
  const lacking = few
    ? `: ${NOT_ENOUGH} for intervals, share errors and promises, which take ${fewestBlocks.value}`
    : "";
  return [`${why} after ${blocks.value} of ${plannedBlocks.value} blocks${lacking}.`];
}

function precisionText(precision: number, blocks: number, budgetSeconds: number): string {
  return `After ${blocks} blocks every ratio was known to ±${formatNumber(precision * 100, 1)} %: the run ended before its budget of ${budgetSeconds} s.`;
}

/** Where something of our own, not the subject, sets the rate. That it does without a subject goes without saying. */
function bottleneckTexts({ cells, control }: BenchResult): string[] {
  const bound = cells.filter(
    ({ subject, bottleneck }) => bottleneck !== null && subject !== control.reference && subject !== control.again,
  );
  return (["generator", "endpoints"] as const).flatMap((who) => {
    const where = bound
      .filter(({ bottleneck }) => bottleneck === who)
      .map(({ subject, work }) => `${subject} in ${work}`);
    if (where.length === 0) return [];
    return [`BOTTLENECK: the ${ours[who]}, not the subject, sets the rate of ${where.join(", ")}.`];
  });
}

const ours = { generator: "load generator", endpoints: "endpoints' thread" } as const;

/** A hypervisor that took more than this is worth a line. */
const NOTICED_SHARE = 0.005;

function stolenText(share: number | null): string[] {
  if (share === null || share < NOTICED_SHARE) return [];
  return [`The hypervisor gave ${formatShare(share)} of the processor time to others meanwhile.`];
}
