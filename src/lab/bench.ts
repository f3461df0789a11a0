import { systemClock } from "../core/clock.ts";
import { createWorkersDataplane } from "../dataplane/workers/workers.ts";
import { environmentSince, environmentStart } from "../measure/environment.ts";
import { type Experiment, runExperiment, type Slice } from "../measure/experiment.ts";
import { isPrecise } from "../measure/precision.ts";
import type { BenchResult } from "../measure/result.ts";
import { summarize } from "../measure/summarize.ts";
import { estimateIntervals } from "./estimate.ts";
import { type BenchOptions, resolveBenchOptions } from "./options.ts";
import { createPeerDataplane } from "./peers/peer-dataplane.ts";
import { CLOSING_MS } from "./plan.ts";
import { trackProgress } from "./progress.ts";
import { type CreateDataplane, openStage } from "./stage.ts";

/** The dataplane of every subject, on loopback: worker threads, or a peer in their place. */
const createWorkers: CreateDataplane = ({ workers, engine, seed, log }, spec, servicePorts) => {
  if ("peer" in spec) return createPeerDataplane(spec.peer, servicePorts, workers);
  const chosen = spec.engine ?? engine;
  return createWorkersDataplane({ workers, seed, log, ...(chosen === undefined ? {} : { engine: chosen }) });
};

/**
 * Compares modes on the workers dataplane: the same works on the same service and the same backends, in interleaved
 * slices. All traffic stays on loopback. All subjects stand ready from the start, and idle while others run.
 *
 * The budget is a deadline too: when slices take longer than planned, the one that runs then is cut off, and the run
 * ends with the blocks that are whole.
 *
 * @param create makes the dataplane of each subject.
 * @returns the document; `complete` is false when `signal` or the budget ended it. Its failures are part of it, not
 *   errors.
 * @throws {SluiceError} CONFIG_INVALID; HOST_UNABLE when the backends cannot listen; DATAPLANE_FAILED.
 */
export async function runBench(options: BenchOptions, create = createWorkers): Promise<BenchResult> {
  const resolved = resolveBenchOptions(options);
  const start = environmentStart();
  const endsMs = resolved.startedMs + resolved.budgetMs - CLOSING_MS;
  const deadline = AbortSignal.timeout(Math.max(Math.ceil(endsMs - systemClock.nowMs()), 0));
  const stage = await openStage(options, resolved, create);
  const { plan, subjects, services, engine } = stage;
  let experiment: Experiment;
  let notes: readonly string[];
  try {
    const servicePorts = services.map(({ service }) => service.servicePort).join(" and ");
    resolved.log.info(
      `measuring ${servicePorts}: ${plan.blocks} blocks and a warm-up, slices of ${plan.windowMs} ms, at most ${resolved.budgetMs / 1000} s, seed ${plan.seed}`,
    );
    const onSlice = trackProgress(stage.rig.clock, plan, options.onProgress);
    const signal = options.signal && { signal: options.signal };
    const { precision } = resolved;
    const isEnough = (slices: readonly Slice[]): boolean => precision > 0 && isPrecise(plan, slices, precision);
    experiment = await runExperiment(plan, stage.rig, { onSlice, deadline, isEnough, ...signal });
    if (experiment.endedBy === "precision") {
      resolved.log.info(
        `every ratio is known to ±${precision * 100} %: ending before the budget of ${resolved.budgetMs / 1000} s`,
      );
    }
    if (experiment.endedBy === "budget") {
      resolved.log.warn(`the budget of ${resolved.budgetMs / 1000} s is over: ending with the blocks that are whole`);
    }
    notes = stage.notes();
  } finally {
    await stage.close();
  }
  return summarize({
    plan,
    budgetMs: resolved.budgetMs,
    precision: resolved.precision === 0 ? undefined : resolved.precision,
    experiment,
    subjects,
    services,
    unmeasured: stage.unmeasured,
    notes,
    environment: environmentSince(start, engine),
    estimate: estimateIntervals,
  });
}
