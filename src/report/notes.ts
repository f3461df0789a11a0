import type { BenchResult, Failure } from "../measure/result.ts";
import { controlTexts } from "./control.ts";
import { formatLatency, formatNumber, formatShare, NOT_ENOUGH } from "./format.ts";

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
    ...stallTexts(result),
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

/** A sentence. */
export function failureText({ subject, work, reason }: Failure): string {
  return `FAILED: ${subject} ${reasons[reason]} in ${work}.`;
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

/** Where a mean of blocks is not what one answer in so many had to wait. */
function stallTexts({ cells }: BenchResult): string[] {
  return cells.flatMap(({ subject, work, percentiles }) => {
    const hidden = percentiles.flatMap(({ percentile, overall, ...own }) =>
      overall === undefined
        ? []
        : [`p${percentile} ${formatLatency(overall)} where blocks come to ${formatLatency(own)}`],
    );
    if (hidden.length === 0) return [];
    return [`A FEW BLOCKS ARE FAR SLOWER: of all answers together ${subject} has in ${work} ${hidden.join(", ")}.`];
  });
}

const ours = { generator: "load generator", endpoints: "endpoints' thread" } as const;

/** A hypervisor that took more than this is worth a line. */
const NOTICED_SHARE = 0.005;

function stolenText(share: number | null): string[] {
  if (share === null || share < NOTICED_SHARE) return [];
  return [`The hypervisor gave ${formatShare(share)} of the processor time to others meanwhile.`];
}
