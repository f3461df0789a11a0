/**
 * Do three ways of timing the same work agree? Ours, tinybench and benchmark.js time runs of 65,536 operations each: a
 * harness that timed one pick at a time would mostly time its clock, which has a grain of 40 ns.
 *
 * They take turns at the same work in one process: from one process to the next the same work takes up to half as long
 * again, by where its memory happens to lie, and that is not what is asked here. They agree when no ratio is off by more
 * than 15 %. That is for people to read: a noisy machine fails no run.
 */
import Benchmark from "benchmark";
import { Bench as Tinybench } from "tinybench";
import { NO_BACKEND } from "../../src/balancers/balancer.ts";
import { sampleFlows } from "../../test/support/flows.ts";
import { geometricMeanInterval } from "../../src/measure/intervals.ts";
import { type Bench, product } from "../frame/bench.ts";
import { runBench } from "../frame/run-bench.ts";
import { type Measured, median, timeRuns } from "../frame/sample.ts";
import { bigSet } from "./big-set.ts";

const BACKENDS = 1_000;
const FLOWS = 65_536;
const TURNS = 7;
/** Of the intervals of the ratios. */
const SEED = 1;
const harnesses: Readonly<Record<string, (run: () => number) => Promise<Measured>>> = {
  ours: timeRuns,
  tinybench: byTinybench,
  "benchmark.js": byBenchmarkJs,
};
const names = ["rr", "lc", "maglev"] as const;
const pairs = [
  ["tinybench", "benchmark.js"],
  ["tinybench", "ours"],
  ["benchmark.js", "ours"],
] as const;

interface Case {
  readonly name: string;
}

/** What came of the turns; a process has one case. */
const agreement: Record<string, number> = {};

const bench: Bench<Case, () => number> = {
  name: "balancers/harnesses",
  question: "do three ways of timing the same work agree within 15 %?",
  cases: product({ name: names }),
  label: ({ name }) => name,
  setup({ name }) {
    const { balancer, set } = bigSet(name, BACKENDS);
    const flows = sampleFlows(FLOWS, 1);
    // 2,048 connections are open at a time; the oldest one closes.
    const open = new Int32Array(2_048).fill(NO_BACKEND);
    const count = (slot: number, by: number): void => {
      set.active[slot]! += by;
      balancer.loadChanged(slot);
    };
    return () => {
      for (let at = 0; at < FLOWS; at += 1) {
        const oldest = at & (open.length - 1);
        if (open[oldest] !== NO_BACKEND) count(open[oldest]!, -1);
        open[oldest] = balancer.pick(flows[at]!, 0);
        count(open[oldest]!, 1);
      }
      return FLOWS;
    };
  },
  run: (turn) => turn(),
  time: takeTurns,
  quality: () => agreement,
};

/** Each harness times the work in each turn; the ratios of a turn get a 95 % interval. @returns the median of ours. */
async function takeTurns(run: () => number): Promise<Measured> {
  const turns: Record<string, Measured>[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const measured: Record<string, Measured> = {};
    for (const [harness, time] of Object.entries(harnesses)) measured[harness] = await time(run);
    turns.push(measured);
  }
  for (const [one, other] of pairs) {
    const ratios = turns.map((turn) => turn[one]!.nsPerOperation / turn[other]!.nsPerOperation);
    const { estimate, low, high } = geometricMeanInterval(ratios, SEED);
    agreement[`${one} / ${other}`] = estimate!;
    agreement[`${one} / ${other} at least`] = low!;
    agreement[`${one} / ${other} at most`] = high!;
  }
  const ours = turns.map((turn) => turn["ours"]!);
  return {
    nsPerOperation: median(ours.map(({ nsPerOperation }) => nsPerOperation)),
    processorNsPerOperation: median(ours.map(({ processorNsPerOperation }) => processorNsPerOperation!)),
  };
}

async function byTinybench(run: () => number): Promise<Measured> {
  const tasks = new Tinybench({ time: 400, warmupTime: 150 });
  tasks.add("run", () => void run());
  const [task] = await tasks.run();
  // A task that throws leaves a run that looks well.
  const result = task!.result;
  if (result.state !== "completed") throw new Error(`tinybench: ${result.state}`, { cause: result });
  return inBatches(result.latency.p50 * 1e6);
}

async function byBenchmarkJs(run: () => number): Promise<Measured> {
  const task = new Benchmark(run, { maxTime: 0.4 });
  await new Promise((resolve) => task.on("complete", resolve).run({ async: true }));
  if (task.error !== undefined) throw new Error("benchmark.js", { cause: task.error });
  return inBatches(median(task.stats.sample) * 1e9);
}

/** @param ns of a run. Neither harness tells the processor's time. */
function inBatches(ns: number): Measured {
  return { nsPerOperation: ns / FLOWS, processorNsPerOperation: undefined };
}

await runBench(import.meta.url, bench);
