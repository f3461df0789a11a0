import assert from "node:assert/strict";
import { startCommand } from "../../src/host/exec.ts";
import { groupsMs, ownTaskId, threadsMs } from "../../src/host/processor-time.ts";
import { suite } from "../support/suite.ts";

const test = suite("processor time");
const SPIN_MS = 60;

/** Runs for so long, by its own processor time. */
function spin(): void {
  const until = process.cpuUsage().user + SPIN_MS * 1000;
  while (process.cpuUsage().user < until);
}

test("a thread of ours that works has run longer, about as long as it worked", () => {
  const own = ownTaskId();
  assert.equal(own, process.pid);
  const before = threadsMs([own])!;
  spin();
  const ran = threadsMs([own])! - before;
  // Other threads of the process may have worked, too, and the system counts in steps of its own.
  assert.ok(ran > SPIN_MS * 0.3 && ran < SPIN_MS * 20, `${ran} ms`);
});

test("a thread that is not there, or that nobody knows, is not told", () => {
  assert.equal(threadsMs([2 ** 22 + 1]), undefined);
  assert.equal(threadsMs([process.pid, undefined]), undefined);
  assert.equal(threadsMs([]), 0);
});

test("a process group is all of its processes, also children that have ended", async () => {
  const work = "let n = 0; for (let i = 0; i < 6e7; i += 1) n += i % 7;";
  const child = `require("node:child_process").spawnSync(process.execPath, ["-e", ${JSON.stringify(work)}])`;
  const command = startCommand([process.execPath, "-e", `${child}; console.log("done"); setInterval(() => {}, 1000)`], {
    ownGroup: true,
  });
  try {
    while (command.stdout() === "") await new Promise((resolve) => setTimeout(resolve, 10));
    const alone = startCommand([process.execPath, "-e", 'console.log("up"); setInterval(() => {}, 1000)'], {
      ownGroup: true,
    });
    try {
      while (alone.stdout() === "") await new Promise((resolve) => setTimeout(resolve, 10));
      const [worked, rested] = [command, alone].map(({ pid }) => groupsMs(new Set([pid!]))!);
      assert.ok(worked! >= rested! + 20, `${worked} ms and ${rested} ms`);
    } finally {
      await alone.stop("SIGKILL");
    }
  } finally {
    await command.stop("SIGKILL");
  }
  assert.equal(groupsMs(new Set([command.pid!])), undefined);
});
