import { isSluiceError, SluiceError } from "../core/errors.ts";
import { type CommandResult, exec } from "./exec.ts";
import { inNetns } from "./netns.ts";

/**
 * Reads how many packets a named counter has counted.
 *
 * @returns undefined where there is no such counter, or no `nfacct`.
 */
export async function readCounter(name: string): Promise<number | undefined> {
  try {
    const { stdout } = await exec(["nfacct", "get", name]);
    const [, packets] = /\bpkts = (\d+)/.exec(stdout) ?? [];
    return packets === undefined ? undefined : Number(packets);
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return undefined;
    throw error;
  }
}

/** What keeps the host from having named counters; undefined: nothing does. Changes nothing. */
export async function obstacleToCounters(): Promise<string | undefined> {
  try {
    const { exitCode, stderr } = await exec(["nfacct", "list"]);
    return exitCode === 0 ? undefined : `nfacct list: ${stderr.trim() || `exit code ${exitCode}`}`;
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return error.message;
    throw error;
  }
}

/**
 * Makes named counters that are not there yet: a rule that names one cannot be loaded before.
 *
 * @param add makes one.
 * @throws {SluiceError} HOST_UNABLE where there is no `nfacct`, or the kernel has no such counters.
 */
export async function makeCounters(
  names: Iterable<string>,
  netns?: string,
  add: (name: string) => Promise<CommandResult> = (name) => exec(inNetns(netns, ["nfacct", "add", name])),
): Promise<void> {
  const isThere = async (name: string): Promise<boolean> =>
    (await exec(inNetns(netns, ["nfacct", "get", name]))).exitCode === 0;
  for (const name of names) {
    if (await isThere(name)) continue;
    const added = await add(name);
    // Somebody else may have made it meanwhile: `add` calls that busy.
    if (added.exitCode === 0 || (await isThere(name))) continue;
    const missing = `the counter ${name} of nfacct`;
    throw new SluiceError("HOST_UNABLE", `${missing}: ${added.stderr.trim()}`, { missing });
  }
}
