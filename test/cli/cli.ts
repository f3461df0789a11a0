import { type ChildProcess, spawn } from "node:child_process";
import { inProject } from "../support/root.ts";

/** The command as it is shipped. */
const mainFile = inProject("dist", "cli", "main.js");

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sluice` to its end. */
export async function sluice(args: readonly string[], input = ""): Promise<CliResult> {
  const child = startSluice(args);
  const stdout = collect(child.stdout!);
  const stderr = collect(child.stderr!);
  child.stdin!.end(input);
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

/** Starts `sluice`; whoever starts it ends it. */
export function startSluice(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [mainFile, ...args], { stdio: "pipe", timeout: 120_000 });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: string[] = [];
  stream.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  return () => chunks.join("");
}
