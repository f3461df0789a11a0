import { SluiceError } from "../core/errors.ts";
import { exec } from "./exec.ts";
import { inNetns } from "./netns.ts";

/**
 * Makes named counters that are not there yet: a rule that names one cannot be loaded before.
 *
 * @throws {SluiceError} HOST_UNABLE where there is no `nfacct`, or the kernel has no such counters.
 */
export async function makeCounters(names: Iterable<string>, netns?: string): Promise<void> {
  for (const name of names) {
    const added = await exec(inNetns(netns, ["nfacct", "add", name]));
    if (added.exitCode === 0) continue;
    // There is one already: `add` calls that busy.
    const { exitCode } = await exec(inNetns(netns, ["nfacct", "get", name]));
    if (exitCode === 0) continue;
    const missing = `the counter ${name} of nfacct`;
    throw new SluiceError("HOST_UNABLE", `${missing}: ${added.stderr.trim()}`, { missing });
  }
}
