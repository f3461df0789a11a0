import { isSluiceError } from "../../src/core/errors.ts";
import { exec } from "../../src/host/exec.ts";

/**
 * Asks this host, in a network namespace that is gone afterwards, for what a file's tests need.
 *
 * @param probe of the shell, no more than constants of a test.
 * @returns what keeps it out of reach; undefined: nothing does.
 */
export async function obstacleTo(probe: string): Promise<string | undefined> {
  try {
    const { exitCode, stderr } = await exec(["unshare", "--net", "sh", "-c", probe]);
    return exitCode === 0 ? undefined : stderr.trim();
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return error.message;
    throw error;
  }
}
