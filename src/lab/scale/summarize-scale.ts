import type { Experiment, ExperimentPlan } from "../../measure/experiment.ts";
import { growthOf, type GrowthPair } from "../../measure/scale/growth.ts";
import type { Interval, IntervalRequest } from "../../measure/intervals.ts";
import { type Control, quantity, type Scale, type ScalePoint } from "../../measure/result.ts";
import { rateEstimate } from "../../measure/summarize-cell.ts";
import { ENDPOINTS } from "./cluster.ts";
import type { OpenPoint } from "./open-scale.ts";

const MEBI = 2 ** 20;
/** That have intervals, of a point. */
const FIGURES = 3;

/** What the numbers of services changed. @param estimate works out intervals, in the order of the requests. */
export async function summarizeScale(
  points: readonly OpenPoint[],
  plan: ExperimentPlan,
  experiment: Experiment,
  estimate: (requests: readonly IntervalRequest[]) => Promise<readonly Interval[]>,
  { ratios }: Control,
): Promise<Scale> {
  const requests = points.flatMap(({ synced: { changesMs, emulated }, fullSyncsMs }, at) =>
    [fullSyncsMs, changesMs, emulated.batchesNs].map((values, figure) => {
      return { values, seed: plan.seed + FIGURES * at + figure };
    }),
  );
  const intervals = await estimate(requests);
  return {
    points: points.map((point, at) => summarizePoint(point, intervals.slice(FIGURES * at, FIGURES * (at + 1)))),
    growth: await growthOf(pairsOf(points, plan), plan.works, experiment, plan.seed, estimate, ratios),
  };
}

function summarizePoint(
  { subject, like, services, synced, fullSyncsMs }: OpenPoint,
  [full, change, decision]: readonly Interval[],
): ScalePoint {
  return {
    subject,
    like,
    services: quantity(services, "1"),
    endpoints: quantity(services * ENDPOINTS, "1"),
    rules: quantity(synced.emulated.rules, "1"),
    decision: rateEstimate(decision!, "ns", synced.emulated.batchesNs.length),
    fullSync: rateEstimate(full!, "ms", fullSyncsMs.length),
    fullBytes: quantity(synced.full.bytes, "B"),
    changeSync: rateEstimate(change!, "ms", synced.changesMs.length),
    changeBytes: quantity(synced.changeBytes, "B"),
    memory: quantity(synced.peakBytes / MEBI, "MiB"),
  };
}

/** Each subject's smallest and largest number, where it has two. */
function pairsOf(points: readonly OpenPoint[], { subjects }: ExperimentPlan): GrowthPair[] {
  const placeOf = (name: string): number => subjects.findIndex((subject) => subject.name === name);
  const likes = [...new Set(points.map(({ like }) => like))];
  return likes.flatMap((like) => {
    const own = points.filter((point) => point.like === like);
    if (own.length < 2) return [];
    const [from, to] = [own[0]!, own.at(-1)!].map(({ subject, services }) => ({ services, subject: placeOf(subject) }));
    return [{ like, from: from!, to: to! }];
  });
}
