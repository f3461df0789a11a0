/** A benchmark as a terminal starts it, to be stopped: what runs below it, and what stays. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { collect, startSluice } from "./cli.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-stop-"));
const groups = new Set<number>();

/** Ends what tests have left. */
export function endAll(): void {
  for (const pid of groups) process.kill(-pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Starts a benchmark: leader of a process group, with a folder of its own for temporary files.
 *
 * @param sign what it says on standard error once it is where it is to be stopped.
 */
export function startBench(name: string, args: readonly string[], sign = "measuring ") {
  const own = join(folder, name);
  mkdirSync(own);
  const out = join(own, "result.json");
  const through = ["setsid", "env", `TMPDIR=${own}`];
  const child = startSluice(["bench", ...args, "--out", out], through);
  const pid = child.pid!;
  groups.add(pid);
  const stderr = collect(child.stderr!);
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  return {
    pid,
    own,
    out,
    stderr,
    measuring: new Promise<void>((resolve) => {
      child.stderr!.on("data", () => stderr().includes(sign) && resolve());
    }),
    async ended() {
      const exitCode = await closed;
      groups.delete(pid);
      return exitCode;
    },
  };
}

/** Processes below one, and below those. */
export function descendants(pid: number): number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const children = numbers.map(Number).filter((one) => parentOf(one) === pid);
  return [children, ...children.map(descendants)].flat();
}

/** @returns undefined of one that is gone. */
function parentOf(pid: number): number | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : Number(stat[1]);
}

/** State, parent and so on: what comes behind the name. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  } catch {
    return undefined;
  }
}

function runs(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== "Z";
}

export async function untilGone(pids: readonly number[]): Promise<void> {
  for (let waitedMs = 0; waitedMs < 5000 && pids.some(runs); waitedMs += 20) await sleep(20);
  const left = pids.filter(runs);
  for (const pid of left) process.kill(pid, "SIGKILL");
  assert.deepEqual(left, []);
}
