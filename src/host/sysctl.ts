import { execOk } from "./exec.ts";
import { inNetns } from "./netns.ts";

/** A setting of the kernel, as a path below /proc/sys. */
export interface Sysctl {
  readonly path: string;
  readonly value: number;
}

/**
 * Sets what does not have its value yet, in the network namespace. What is set already needs no right to write it.
 *
 * @returns those that were changed.
 * @throws {SluiceError} COMMAND_FAILED where the kernel has no such setting or refuses the value.
 */
export async function setSysctls(settings: readonly Sysctl[], netns?: string): Promise<readonly Sysctl[]> {
  const changed: Sysctl[] = [];
  for (const setting of settings) {
    const file = `/proc/sys/${setting.path}`;
    // The files of /proc/sys/net are those of the namespace that the reader is in: so a command reads them.
    const now = await execOk(inNetns(netns, ["cat", file]));
    if (now.trim() === String(setting.value)) continue;
    await execOk(inNetns(netns, ["tee", file]), { input: String(setting.value) });
    changed.push(setting);
  }
  return changed;
}
