import { basename } from "node:path";
import type { Kernel } from "../balancers/kernel.ts";
import { referenceKernel } from "../lab/conformance/expected-outcome.ts";
import { renderResult } from "../lab/conformance/render-result.ts";
import { type ReplayResult, replayVector } from "../lab/conformance/replay.ts";
import type { Vector } from "../lab/conformance/vector.ts";
import { findVectorFiles, loadVector } from "../lab/conformance/vector-files.ts";
import { ExitCode } from "./exit-code.ts";

export interface ConformanceArguments {
  readonly paths: readonly string[];
  readonly kernel?: Kernel | undefined;
  readonly seed: number | undefined;
  readonly o: "table" | "json";
}

interface Replay {
  readonly file: string;
  readonly vector: Vector;
  readonly result: ReplayResult;
}

/** Replays all files, prints what came of it, and gives the exit code. Prints nothing if one of them is no vector. */
export async function conformance({
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
  process.stdout.write(o === "json" ? asJson(replays) : asText(replays, kernel));
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
  const agree = replays.filter(({ result }) => result.ok).length;
  return `${texts.join("")}${agree} of ${replays.length} vectors agree with kernel ${kernel}\n`;
}
