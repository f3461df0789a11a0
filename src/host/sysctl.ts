import { readFileSync } from "node:fs";
import { execOk } from "./exec.ts";
import { inNetns } from "./netns.ts";

/** A setting of the kernel that is one number, as a path below /proc/sys. */
export interface Sysctl {
  readonly path: string;
  readonly value: number;
}

/** A setting in the network namespace of this process. @returns undefined where the kernel has none of that path. */
export function readSysctl(path: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/${path}`, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Sets what does not have its value yet, in the network namespace. What is set already needs no right to write it.
 *
 * @param write sets one.
 * @returns those that were changed.
 * @throws {SluiceError} COMMAND_FAILED where the kernel has no such setting or refuses the value.
 */
export async function setSysctls(
  settings: readonly Sysctl[],
  netns?: string,
  write: (file: string, value: string) => Promise<unknown> = (file, value) =>
    execOk(inNetns(netns, ["tee", file]), { input: value }),
): Promise<readonly Sysctl[]> {
  if (settings.length === 0) return [];
  const files = settings.map(({ path }) => `/proc/sys/${path}`);
  // The files of /proc/sys/net are those of the namespace that the reader is in: so a command reads them, a line each.
  const lines = (await execOk(inNetns(netns, ["cat", ...files]))).split("\n");
  const changed = settings.filter(({ value }, index) => lines[index]!.trim() !== String(value));
  for (const { path, value } of changed) await write(`/proc/sys/${path}`, String(value));
  return changed;
}
