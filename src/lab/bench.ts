import { systemClock } from "../core/clock.ts";
import { createWorkersDataplane } from "../dataplane/workers/workers.ts";
import { threadsMs } from "../host/processor-time.ts";
import { type EmulatedTrials, summarizeEmulated } from "../measure/emulated/summarize-emulated.ts";
import { environmentSince, environmentStart } from "../measure/environment.ts";
import { type Experiment, runExperiment, type Slice } from "../measure/experiment.ts";
import type { GeneratorName } from "../measure/load/generator.ts";
import { isPrecise } from "../measure/precision.ts";
import type { BenchResult } from "../measure/result.ts";
import { summarize } from "../measure/summarize.ts";
import { runSweeps } from "./emulated/run-sweeps.ts";
import { estimateIntervals } from "./estimate.ts";
import { runFaults } from "./faults/run-faults.ts";
import { type BenchOptions, resolveBenchOptions } from "./options.ts";
import { createPeerDataplane } from "./peers/peer-dataplane.ts";
import { CLOSING_MS } from "./plan.ts";
import { trackProgress } from "./progress.ts";
import { createKernelSubject } from "./network/kernel-subject.ts";
import { createNodeWorkers } from "./network/node-workers.ts";
import { openScaleStage } from "./scale/scale-stage.ts";
import { summarizeScale } from "./scale/summarize-scale.ts";
import { runBalance } from "./sharing/run-balance.ts";
import { type CreateDataplane, openStage } from "./stage.ts";

/** The dataplane of every subject: worker threads, the rules of a node's kernel, or a peer in their place. */
const createDataplane: CreateDataplane = ({ workers, engine, seed, log }, spec, servicePorts, node) => {
  if ("peer" in spec) return createPeerDataplane(spec.peer, servicePorts, workers, node);
  if ("kernel" in spec) return createKernelSubject(node!.netns, spec.mode, spec.kernel.iptables, log);
  const chosen = spec.engine ?? engine;
  const options = { workers, seed, ...(chosen === undefined ? {} : { engine: chosen }) };
  if (node !== undefined) return createNodeWorkers(node.netns, options);
  const dataplane = createWorkersDataplane({ ...options, log });
  const processorMs = (): number | undefined => threadsMs(dataplane.status().workers.map(({ taskId }) => taskId));
  return Object.assign(dataplane, { processorMs });
};

/**
 * Compares subjects: the same works on the same service and the same backends, in interleaved slices. All traffic stays on
 * loopback, or in network namespaces that are gone afterwards. All subjects stand ready from the start, and idle while
 * others run.
 *
 * The budget is a deadline too: when slices take longer than planned, the one that runs then is cut off, and the run
 * ends with the blocks that are whole.
 *
 * @param create makes the dataplane of each subject.
 * @returns the document; `complete` is false when `signal` or the budget ended it. Its failures are part of it, not
 *   errors.
 * @throws {SluiceError} CONFIG_INVALID; HOST_UNABLE when the backends cannot listen; DATAPLANE_FAILED.
 */
export async function runBench(options: BenchOptions, create = createDataplane): Promise<BenchResult> {
  switch (options.kind ?? "works") {
    case "works":
      return runWorks(options, create);
    case "faults":
      return runFaults(options, create);
    case "balance":
      return runBalance(options, create, runWorks);
  }
}

const generatorTexts: Readonly<Record<GeneratorName, string>> = {
  native: "native: C and epoll, in a process of its own",
  node: "node: net and dgram, in a thread of its own",
};

async function runWorks(options: BenchOptions, create: CreateDataplane): Promise<BenchResult> {
  const resolved = resolveBenchOptions(options);
  const start = environmentStart();
  const scale = resolved.services.length === 0 ? undefined : await openScaleStage(options, resolved);
  // Before a stage opens, since its opening is part of the budget, unless it says otherwise.
  const endsMs = (scale?.readyMs ?? resolved.startedMs) + resolved.budgetMs - CLOSING_MS;
  const deadline = AbortSignal.timeout(Math.max(Math.ceil(endsMs - systemClock.nowMs()), 0));
  const stage = scale ?? (await openStage(options, resolved, create));
  const { plan, subjects, services, engine } = stage;
  let experiment: Experiment;
  let trials: readonly EmulatedTrials[];
  let notes: readonly string[];
  try {
    const servicePorts = services.map(({ service }) => service.servicePort).join(" and ");
    resolved.log.info(
      `measuring ${servicePorts} by the ${stage.rig.generator.name} generator: ${plan.blocks} blocks and a warm-up, slices of ${plan.windowMs} ms, at most ${resolved.budgetMs / 1000} s, seed ${plan.seed}`,
    );
    // Before the slices, which nothing of ours may run beside.
    trials = options.signal?.aborted === true ? [] : await runSweeps(stage.emulated, plan.seed);
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
    notes = await stage.notes();
  } finally {
    await stage.close();
  }
  const result = await summarize({
    plan,
    budgetMs: resolved.budgetMs,
    precision: resolved.precision === 0 ? undefined : resolved.precision,
    generator: generatorTexts[stage.rig.generator.name],
    experiment,
    subjects,
    services,
    unmeasured: stage.unmeasured,
    notes,
    environment: environmentSince(start, engine),
    estimate: (requests) => estimateIntervals(requests),
  });
  const whole = await withEmulated(result, trials, plan.seed);
  if (scale === undefined) return whole;
  return { ...whole, scale: await summarizeScale(scale.points, plan, experiment, estimateIntervals, whole.control) };
}

/** A run without emulated subjects says nothing of any. */
async function withEmulated(
  result: BenchResult,
  trials: readonly EmulatedTrials[],
  seed: number,
): Promise<BenchResult> {
  if (trials.length === 0) return result;
  const { emulated, failures } = await summarizeEmulated(trials, seed, estimateIntervals);
  return { ...result, failures: [...result.failures, ...failures], emulated };
}
