import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { calendarTime } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { lineLog } from "../core/log.ts";
import { runBench } from "../lab/bench.ts";
import type { BenchOptions } from "../lab/options.ts";
import { renderJson } from "../report/json.ts";
import { renderTerminal } from "../report/terminal.ts";
import { type ClusterArguments, loadNoted, ownNodeNoted } from "./cluster-options.ts";
import { ExitCode } from "./exit-code.ts";
import { openProgressLine } from "./progress-line.ts";

export interface BenchArguments extends ClusterArguments {
  readonly subjects?: readonly string[] | undefined;
  readonly works?: readonly string[] | undefined;
  readonly service?: string | undefined;
  readonly budgetSeconds: number | undefined;
  readonly workers: number | undefined;
  readonly messageBytes: number | undefined;
  readonly seed: number | undefined;
  readonly out?: string | undefined;
  readonly o: "table" | "json";
}

/**
 * Measures, writes the document to a file, and prints the table or the document.
 *
 * @returns the exit code: 1 when an answer was wrong or missing or a promise about the distribution was broken, 4 when
 *   it was stopped.
 */
export async function bench(args: BenchArguments): Promise<number> {
  const snapshot = await loadNoted(args);
  const nodeName = ownNodeNoted(snapshot, args);
  const file = resolve(args.out ?? `results/bench-${calendarTime().replaceAll(":", "-")}.json`);
  // Found out now, and not when the measurement is done.
  await store(file, "");
  let stored = false;
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const progress = openProgressLine(process.stderr);
  const log = lineLog((line) => progress.above(`sluice: ${line}`));
  try {
    const options = { ...given(args), snapshot, nodeName, log, signal: stop.signal, onProgress: progress.show };
    const result = await runBench(options);
    progress.close();
    await store(file, renderJson(result));
    stored = true;
    process.stdout.write(args.o === "json" ? renderJson(result) : renderTerminal(result, file));
    if (!result.complete) return ExitCode.failed;
    return result.failures.length > 0 ? ExitCode.no : ExitCode.done;
  } finally {
    if (!stored) await rm(file, { force: true });
    progress.close();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** Only what the command line names: the rest has its default in one place. */
function given({ budgetSeconds, ...args }: BenchArguments): Partial<BenchOptions> {
  const { subjects, works, service, workers, messageBytes, seed } = args;
  const budgetMs = budgetSeconds === undefined ? undefined : budgetSeconds * 1000;
  const named = { subjects, works, service, workers, messageBytes, seed, budgetMs };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/** @throws {SluiceError} OUTPUT_UNWRITABLE. */
async function store(file: string, document: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, document);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new SluiceError("OUTPUT_UNWRITABLE", `cannot write ${file}: ${reason}`, { file, reason }, { cause });
  }
}
