import type { Growth, Scale } from "../measure/result.ts";
import { formatRatio } from "./format.ts";

const figures = { rate: "rate", p50: "median latency" } as const;

/** What the number of services changes and what it does not, a sentence each. */
export function growthTexts({ growth }: Scale): string[] {
  return growth
    .filter(({ ratio }) => ratio.value !== null)
    .map(
      (one) =>
        `${one.like}, ${one.work}: from ${servicesOf(one.from)} to ${servicesOf(one.to)} services the ${figures[one.figure]} ${verdictOf(one)}${doubtOf(one)}.`,
    );
}

function servicesOf({ value }: Growth["from"]): string {
  return (value ?? 0).toLocaleString("en-GB");
}

/** Where the control differs, intervals are too short, and what they say is not sure. */
function doubtOf({ doubtful }: Growth): string {
  return doubtful === true ? "; DOUBTFUL, since the control differs in this work" : "";
}

function verdictOf({ ratio, same, grows }: Growth): string {
  const times = `× ${formatRatio(ratio)}`;
  if (same === true) return `does not differ: ${times}, the whole interval within 5 %`;
  if (same === null || ratio.interval === null) return `is ${times}, without an interval`;
  if (grows === true) return `grows: ${times}`;
  return ratio.interval[1] < 1 ? `falls: ${times}` : `is ${times}: the interval holds 1, but is not within 5 %`;
}
