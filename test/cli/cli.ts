import { type ChildProcess, spawn } from "node:child_process";
import { inProject } from "../support/root.ts";

/** The command as it is shipped. */
const mainFile = inProject("dist", "cli", "main.js");

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sluice` to its end. @param through as of `startSluice`. */
export async function sluice(args: readonly string[], input = "", through: readonly string[] = []): Promise<CliResult> {
  const child = startSluice(args, through);
  const stdout = collect(child.stdout!);
  const stderr = collect(child.stderr!);
  child.stdin!.end(input);
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

/**
 * Starts `sluice`; whoever starts it ends it.
 *
 * @param through a command that becomes the one that follows it, such as `ip netns exec NAME`.
 */
export function startSluice(args: readonly string[], through: readonly string[] = []): ChildProcess {
  const [command, ...words] = [...through, process.execPath, mainFile, ...args];
  return spawn(command!, words, { stdio: "pipe", timeout: 120_000 });
}

/** @returns what has come of a stream so far, when it is called. */
export function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: string[] = [];
  stream.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  return () => chunks.join("");
}
