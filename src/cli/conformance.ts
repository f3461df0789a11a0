import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { Kernel } from "../balancers/kernel.ts";
import { configInvalid } from "../core/errors.ts";
import { threadFile } from "../host/thread-file.ts";
import { referenceKernel } from "../lab/conformance/expected-outcome.ts";
import { isUntold, renderResult } from "../lab/conformance/render-result.ts";
import { type ReplayResult, replayVector } from "../lab/conformance/replay.ts";
import type { Vector } from "../lab/conformance/vector.ts";
import { findVectorFiles, loadVector } from "../lab/conformance/vector-files.ts";
import { conformRules } from "../lab/rules/conformance.ts";
import { findRecordings } from "../lab/rules/recording.ts";
import { renderStageResult } from "../lab/rules/render-stage-result.ts";
import { agrees, type StageResult } from "../lab/rules/stage-result.ts";
import { ExitCode } from "./exit-code.ts";
import { inForm } from "./output.ts";
import type { OutputForm } from "./output-option.ts";

export interface ConformanceArguments {
  readonly paths: readonly string[];
  readonly kernel?: Kernel | undefined;
  readonly seed: number | undefined;
  /** Of the recordings of rules only these modes. */
  readonly mode?: readonly string[] | undefined;
  readonly o: OutputForm;
}

interface Replay {
  readonly file: string;
  readonly vector: Vector;
  readonly result: ReplayResult;
}

/** Replays all files, prints what came of it, and gives the exit code. Prints nothing if one of them is no vector. */
export async function conformance(args: ConformanceArguments): Promise<number> {
  const folders = args.paths.flatMap(findRecordings);
  return folders.length > 0 ? await conformanceOfRules(folders, args) : await conformanceOfPicks(args);
}

/** Plays what a real kube-proxy did, on this kernel, and compares the rules. */
async function conformanceOfRules(
  folders: readonly string[],
  { paths, mode, o }: ConformanceArguments,
): Promise<number> {
  const other = paths.find((path) => findRecordings(path).length === 0);
  if (other !== undefined) throw configInvalid("PATH", "only recordings of rules, or only vectors of IPVS", other);
  const all: StageResult[] = [];
  await conformRules(folders, {
    sluice: [process.execPath, process.argv[1]!],
    program: [process.execPath, fileURLToPath(threadFile(import.meta.url, "stage-program"))],
    // One more: each now and then waits for a second that kube-proxy waited.
    parallel: availableParallelism() + 1,
    modes: mode,
    onResults(results) {
      all.push(...results);
      if (o === "table") process.stdout.write(results.map(renderStageResult).join(""));
    },
  });
  const agree = all.filter(agrees).length;
  const summary = `${agree} of ${all.length} stages agree, ${sumOf(all)} records compared\n`;
  process.stdout.write(o === "table" ? summary : inForm(o, `${JSON.stringify(all, undefined, 2)}\n`));
  return agree === all.length && all.length > 0 ? ExitCode.done : ExitCode.no;
}

function sumOf(results: readonly StageResult[]): number {
  return results.reduce((sum, { compared }) => sum + compared, 0);
}

async function conformanceOfPicks({
  paths,
  kernel = referenceKernel,
  seed = 1,
  o,
}: ConformanceArguments): Promise<number> {
  const replays: Replay[] = [];
  for (const file of await findVectorFiles(paths)) {
    const vector = await loadVector(file);
    replays.push({ file: basename(file), vector, result: replayVector(vector, { kernel, seed }) });
  }
  process.stdout.write(o === "table" ? asText(replays, kernel) : inForm(o, asJson(replays)));
  return replays.every(({ result }) => result.ok) ? ExitCode.done : ExitCode.no;
}

/** One vector a line: lists of thousands of counts are for programs. */
function asJson(replays: readonly Replay[]): string {
  const entries = replays.map(({ file, result: { ok, picks, packetPicks, counts } }) =>
    JSON.stringify({ file, ok, picks, packetPicks, counts }),
  );
  return `[\n${entries.join(",\n")}\n]\n`;
}

function asText(replays: readonly Replay[], kernel: Kernel): string {
  const texts = replays.map(({ file, vector, result }) => renderResult(file, vector, result));
  const told = replays.filter(({ result }) => !isUntold(result));
  const agree = told.filter(({ result }) => result.ok).length;
  return `${texts.join("")}${agree} of ${told.length} vectors agree with kernel ${kernel}\n`;
}
