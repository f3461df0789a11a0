import { createWorkersDataplane } from "../dataplane/workers/workers.ts";
import { environmentSince, environmentStart } from "../measure/environment.ts";
import { type Experiment, runExperiment } from "../measure/experiment.ts";
import type { BenchResult } from "../measure/result.ts";
import { summarize } from "../measure/summarize.ts";
import { estimateIntervals } from "./estimate.ts";
import { type BenchOptions, resolveBenchOptions } from "./options.ts";
import { trackProgress } from "./progress.ts";
import { type CreateDataplane, openStage } from "./stage.ts";

/** The dataplane of every subject: worker threads, on loopback. */
const createWorkers: CreateDataplane = ({ workers, seed, log }) => createWorkersDataplane({ workers, seed, log });

/**
 * Compares modes on the workers dataplane: the same works on the same service and the same backends, in interleaved
 * slices. All traffic stays on loopback. All subjects stand ready from the start, and idle while others run.
 *
 * @param create makes the dataplane of each subject.
 * @returns the document; `complete` is false when `signal` stopped it. Its failures are part of it, not errors.
 * @throws {SluiceError} CONFIG_INVALID; HOST_UNABLE when the backends cannot listen; DATAPLANE_FAILED.
 */
export async function runBench(options: BenchOptions, create = createWorkers): Promise<BenchResult> {
  const resolved = resolveBenchOptions(options);
  const start = environmentStart();
  const stage = await openStage(options, resolved, create);
  const { plan, subjects, services, engine } = stage;
  let experiment: Experiment;
  let notes: readonly string[];
  try {
    const servicePorts = services.map(({ service }) => service.servicePort).join(" and ");
    resolved.log.info(
      `measuring ${servicePorts}: ${plan.blocks} blocks and a warm-up, slices of ${plan.windowMs} ms, seed ${plan.seed}`,
    );
    const onSlice = trackProgress(stage.rig.clock, options.onProgress);
    experiment = await runExperiment(plan, stage.rig, { onSlice, ...(options.signal && { signal: options.signal }) });
    notes = stage.notes();
  } finally {
    await stage.close();
  }
  return summarize({
    plan,
    experiment,
    subjects,
    services,
    notes,
    environment: environmentSince(start, engine),
    estimate: estimateIntervals,
  });
}
