import { countedSlices, mediansOf, ratesOf } from "../cells.ts";
import type { Experiment } from "../experiment.ts";
import type { Interval, IntervalRequest } from "../intervals.ts";
import { type Control, quantity } from "../result.ts";
import { rateEstimate } from "../summarize-cell.ts";
import type { WorkName } from "../work.ts";
import type { Growth } from "./result.ts";

/** A subject at two numbers of services. */
export interface GrowthPair {
  readonly like: string;
  readonly from: { readonly services: number; /** By its place in the plan. */ readonly subject: number };
  readonly to: { readonly services: number; readonly subject: number };
}

const figures = ["rate", "p50"] as const;
/** How far from 1 a ratio's whole interval may lie, where nothing is said to differ: 5 %. */
const SAME = 0.05;

/**
 * What changes with the number of services, as ratios within each block: every pair in every work, its rate and its median
 * latency.
 *
 * @param estimate works out intervals, in the order of the requests. @param seed of the intervals.
 * @param control whether the reference differs from itself, by work: then nothing is sure.
 */
export async function growthOf(
  pairs: readonly GrowthPair[],
  works: readonly WorkName[],
  experiment: Pick<Experiment, "slices">,
  seed: number,
  estimate: (requests: readonly IntervalRequest[]) => Promise<readonly Interval[]>,
  control: Control["ratios"],
): Promise<readonly Growth[]> {
  const asked = pairs.flatMap((pair) => works.flatMap((work) => figures.map((figure) => ({ pair, work, figure }))));
  const ratios = asked.map(({ pair, work, figure }) => {
    const [before, after] = [pair.from, pair.to].map(({ subject }) => blocksOf(experiment, subject, work, figure));
    return after!.map((value, block) => value / before![block]!);
  });
  const intervals = await estimate(ratios.map((values, at) => ({ values, seed: seed + at })));
  return asked.map(({ pair, work, figure }, at): Growth => {
    const ratio = rateEstimate(intervals[at]!, "1", ratios[at]!.length);
    const { interval } = ratio;
    const same = interval === null ? null : interval[0] >= 1 - SAME && interval[1] <= 1 + SAME;
    const grows = interval === null ? null : interval[0] > 1;
    const holdsOne = control.find((one) => one.work === work)?.holdsOne ?? null;
    const doubtful = holdsOne === null ? null : !holdsOne;
    const { like, from, to } = pair;
    const [least, most] = [quantity(from.services, "1"), quantity(to.services, "1")];
    return { like, work, figure, from: least, to: most, ratio, same, grows, doubtful };
  });
}

function blocksOf(
  experiment: Pick<Experiment, "slices">,
  subject: number,
  work: WorkName,
  figure: (typeof figures)[number],
): number[] {
  const slices = countedSlices(experiment, { subject, work });
  return figure === "rate" ? ratesOf(slices) : mediansOf(slices);
}
