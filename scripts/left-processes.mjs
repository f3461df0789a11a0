// The processes that a test file left behind.
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Who was told to end may take so long to do it. */
const GRACE_MS = 2000;

/**
 * Ends what still runs of a file. It is known by the environment that it inherited, wherever in the tree of processes
 * it stands now. Where there is no /proc nothing is found.
 *
 * @param mark NAME=VALUE of that environment, which no other file has.
 * @returns their command lines.
 */
export async function endLeftProcesses(mark) {
  for (let waitedMs = 0; waitedMs < GRACE_MS && processesWith(mark).length > 0; waitedMs += 50) await sleep(50);
  const left = processesWith(mark);
  const lines = left.map((pid) => contentOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim());
  for (const pid of left) end(Number(pid));
  return lines;
}

function processesWith(mark) {
  return processes().filter((pid) => contentOf(`/proc/${pid}/environ`).split("\0").includes(mark));
}

function processes() {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  } catch {
    return [];
  }
}

/** @returns nothing of one that is gone, or that is another user's. */
function contentOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function end(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
