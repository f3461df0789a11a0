import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release } from "node:os";

/** What one process found out. Times in seconds, memory in MB. */
export interface Measured {
  readonly first: number;
  readonly firstTool: number;
  readonly change: number;
  readonly changeTool: number;
  readonly changeBytes: number;
  readonly least: number;
  readonly resident: number;
  readonly peak: number;
}

/** How a part of the figures came about. */
export interface Part {
  readonly startedAt: string;
  readonly seed: number;
  readonly rounds: number;
  readonly cases: readonly string[];
  /** The least and the most. */
  readonly loadAverage: readonly [number, number];
}

interface Result {
  readonly schema: "sluice.sync/1";
  readonly conditions: {
    readonly processors: string;
    readonly kernel: string;
    readonly node: string;
    readonly units: string;
    readonly parts: readonly Part[];
  };
  /** By case, one a process. */
  readonly runs: Readonly<Record<string, readonly Measured[]>>;
}

/** @param file undefined, or not there: nothing was measured before. */
export function readResult(file: string | undefined): Result {
  if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Result;
  const conditions = {
    processors: `${availableParallelism()} × ${cpus()[0]?.model}`,
    kernel: release(),
    node: process.version,
    units: "times in seconds, memory in MB (1e6 bytes)",
    parts: [],
  };
  return { schema: "sluice.sync/1", conditions, runs: {} };
}

/** The result with the runs of one more part. */
export function withPart(result: Result, part: Part, runs: ReadonlyMap<string, readonly Measured[]>): Result {
  const all = { ...result.runs };
  for (const [label, more] of runs) all[label] = [...(all[label] ?? []), ...more];
  return { ...result, conditions: { ...result.conditions, parts: [...result.conditions.parts, part] }, runs: all };
}

export function writeResult(file: string, result: Result): void {
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
}
