import { resolve } from "node:path";
import { calendarTime, systemClock } from "../core/clock.ts";
import { configInvalid } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import type { EngineName } from "../dataplane/workers/choose-engine.ts";
import { runBench } from "../lab/bench.ts";
import { type BenchOptions, modesOf, type PlanKind, resolveBenchOptions } from "../lab/options.ts";
import type { GeneratorName } from "../measure/load/generator.ts";
import type { BenchResult } from "../measure/result.ts";
import { renderJson } from "../report/json.ts";
import { renderTerminal } from "../report/terminal.ts";
import { planLines, withPlan } from "./bench-plan.ts";
import { loadNoted, ownNodeNoted } from "./cluster-input.ts";
import type { ClusterArguments } from "./cluster-options.ts";
import { ExitCode } from "./exit-code.ts";
import { type Flags, namingFlags } from "./flag.ts";
import { programOptions, requireModes, type RulesArguments } from "./mode-options.ts";
import { openProgressLine } from "./progress-line.ts";
import { openResultFile } from "./result-file.ts";
import { catchStopSignals } from "./run-signals.ts";
import { inForm } from "./output.ts";
import type { OutputForm } from "./output-option.ts";

export interface BenchArguments extends ClusterArguments, RulesArguments {
  readonly subjects?: readonly string[] | undefined;
  readonly works?: readonly string[] | undefined;
  readonly service?: string | undefined;
  /** As it is entered, `10,1000`, or as a plan has it. */
  readonly services?: string | readonly number[] | undefined;
  readonly budgetSeconds: number | undefined;
  readonly workers: number | undefined;
  readonly engine?: EngineName | undefined;
  readonly kubeProxy?: string | undefined;
  readonly generator?: GeneratorName | undefined;
  readonly messageBytes: number | undefined;
  readonly seed: number | undefined;
  readonly precisionPercent: number | undefined;
  readonly plan?: string | undefined;
  /** Of the plan. */
  readonly kind?: PlanKind | undefined;
  readonly list?: boolean | undefined;
  readonly out?: string | undefined;
  readonly html?: string | undefined;
  readonly o: OutputForm;
}

/**
 * Measures, writes the document to a file, and prints the table or the document.
 *
 * @returns the exit code: 1 when an answer was wrong or missing or a promise about the distribution was broken, 4 when
 *   a signal stopped it. A run that its budget ended has done what it was asked to.
 */
export async function bench(args: BenchArguments): Promise<number> {
  if (args.list === true) {
    process.stdout.write(`${planLines().join("\n")}\n`);
    return ExitCode.done;
  }
  try {
    return await measure(await withPlan(args));
  } catch (error) {
    throw namingFlags(error, flags);
  }
}

async function measure(args: BenchArguments): Promise<number> {
  if (args.services !== undefined && args.f !== undefined) {
    throw configInvalid("--services", "no --file beside it: clusters of these sizes are generated", args.f.join(" "));
  }
  const snapshot = await loadNoted(args);
  const options: BenchOptions = { ...given(args), snapshot, nodeName: ownNodeNoted(snapshot, args) };
  requireModes(args, modesOf(resolveBenchOptions(options).subjects));
  const path = resolve(args.out ?? `results/bench-${calendarTime().replaceAll(":", "-")}.json`);
  // From here on a signal means: stop, and give what there is.
  const signals = catchStopSignals();
  const stop = new AbortController();
  void signals.first.then(() => stop.abort());
  const page = args.html === undefined ? undefined : resolve(args.html);
  const progress = openProgressLine(process.stderr);
  const log = lineLog((line) => progress.above(`sluice: ${line}`));
  try {
    const file = await openResultFile(path);
    const report = page === undefined ? undefined : await openResultFile(page);
    const abandon = async (): Promise<void> => {
      await file.abandon();
      await report?.abandon();
    };
    void signals.second.then(abandon).then(() => process.exit(ExitCode.failed));
    try {
      const result = await runBench({ ...options, log, signal: stop.signal, onProgress: progress.show });
      progress.close();
      await file.write(renderJson(result));
      if (report !== undefined) {
        const { renderHtml } = await import("../report/html/document.ts");
        await report.write(renderHtml([result]));
        log.info(`the report is in ${page}`);
      }
      process.stdout.write(args.o === "table" ? renderTerminal(result, path) : inForm(args.o, renderJson(result)));
      return exitCodeFor(result);
    } finally {
      await abandon();
    }
  } finally {
    progress.close();
    signals.release();
  }
}

function exitCodeFor({ endedBy, failures }: BenchResult): number {
  if (endedBy === "signal") return ExitCode.failed;
  return failures.length > 0 ? ExitCode.no : ExitCode.done;
}

/** Only what the command line names: the rest has its default in one place. */
function given({ budgetSeconds, precisionPercent, ...args }: BenchArguments): Partial<BenchOptions> {
  const { kind, subjects, works, service, workers, engine, generator, kubeProxy, messageBytes, seed } = args;
  const budgetMs = budgetSeconds === undefined ? undefined : budgetSeconds * 1000;
  const precision = precisionPercent === undefined ? undefined : precisionPercent / 100;
  const services = typeof args.services === "string" ? args.services.split(",").map(wholeOf) : args.services;
  const named = {
    kind,
    precision,
    subjects,
    works,
    service,
    services,
    workers,
    engine,
    generator,
    kubeProxy,
    messageBytes,
    seed,
    budgetMs,
  };
  return {
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
    programs: programOptions(args),
    // Whoever waits counts from the moment the command was entered.
    startedMs: systemClock.nowMs() - process.uptime() * 1000,
  };
}

/** What is no whole number is refused with the other options. */
function wholeOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** Numbers are checked as they are read; what else is wrong comes out when the options meet the cluster. */
const flags: Flags = {
  snapshot: "--file",
  subjects: "--subjects",
  works: "--works",
  service: "--service",
  services: "--services",
  kubeProxy: "--kube-proxy",
  messageBytes: "--message-bytes",
  budgetMs: "--budget-seconds",
  precision: "--precision-percent",
  plan: "--plan",
};
