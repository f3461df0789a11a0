/** Ctrl-C in every plan: what it made is gone, and what it measured is there, to be read again. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { exec } from "../../src/host/exec.ts";
import { plans } from "../../src/lab/plans.ts";
import type { BenchResult } from "../../src/measure/result.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { descendants, endAll, startBench, untilGone } from "./stopped-bench.ts";

const test = suite("sluice bench, stopped in every plan", { timeoutMs: 120_000, sampled: 2 });
test.after(endAll);

/** Where and with what a plan is stopped. */
interface Stop {
  readonly plan: string;
  readonly args: readonly string[];
  /** What it says when it is there. @default "measuring " */
  readonly sign?: string;
}

const few = ["--subjects", "iptables", "--works", "tcp-connect-request-close"];
const stops: readonly Stop[] = [
  { plan: "quick", args: few },
  { plan: "latency", args: ["--subjects", "ipvs-rr"] },
  { plan: "balance", args: few },
  // The works take half of it.
  { plan: "balance", args: [...few, "--budget-seconds", "30"], sign: "sharing out" },
  // Peers have tests of their own; here with our engines alone.
  { plan: "peers", args: ["--subjects", "ipvs-rr@native"] },
  { plan: "faults", args: ["--subjects", "iptables"], sign: "playing " },
  { plan: "modes", args: ["--subjects", "iptables@kernel", "nftables", "--works", "tcp-connect"] },
  { plan: "scale", args: ["--subjects", "nftables@kernel", "--services", "10", "--works", "tcp-connect"] },
];

test("every plan is stopped here", () => {
  const stopped = new Set(stops.map(({ plan }) => plan));
  assert.deepEqual(
    Object.keys(plans).filter((plan) => !stopped.has(plan)),
    [],
  );
});

test("a long sync ends at once: its commands and namespaces are gone, and what is in force is in the result", async () => {
  const sizes = ["--subjects", "iptables@kernel-legacy", "--services", "10,30000", "--works", "tcp-connect"];
  const bench = startBench("syncing", ["--plan", "scale", ...sizes], "iptables@kernel-legacy:30000: at most");
  await bench.measuring;
  // The sync of so many services takes many times as long.
  await sleep(1500);
  const below = descendants(bench.pid);
  assert.ok(below.length > 0);
  // To the benchmark alone: whoever it has started hears of it from nobody else.
  process.kill(bench.pid, "SIGINT");
  assert.equal(await bench.ended(), 4, bench.stderr());
  await untilGone(below);
  assert.doesNotMatch((await exec(["ip", "netns", "list"])).stdout, new RegExp(`^sluice-${bench.pid}-`, "m"));
  const { scale, unmeasured, endedBy } = JSON.parse(readFileSync(bench.out, "utf8")) as BenchResult;
  assert.equal(endedBy, "signal");
  assert.deepEqual(
    scale!.points.map(({ subject }) => subject),
    ["iptables@kernel-legacy:10"],
  );
  assert.deepEqual(unmeasured, [{ subject: "iptables@kernel-legacy:30000", reason: "it was stopped" }]);
});

for (const { plan, args, sign } of stops) {
  const where = sign === undefined ? "" : `, ${sign.trim()}`;
  test(`${plan}${where}: processes are gone, the partial result is saved and can be read again`, async () => {
    const bench = startBench(`${plan}${where.length}`, ["--plan", plan, ...args], sign);
    await bench.measuring;
    const below = descendants(bench.pid);
    // As a terminal does: to all of the group.
    process.kill(-bench.pid, "SIGINT");
    assert.equal(await bench.ended(), 4, bench.stderr());
    await untilGone(below);
    assert.deepEqual(readdirSync(bench.own), ["result.json"]);
    assert.doesNotMatch((await exec(["ip", "netns", "list"])).stdout, new RegExp(`^sluice-${bench.pid}-`, "m"));
    const { complete, endedBy } = JSON.parse(readFileSync(bench.out, "utf8")) as BenchResult;
    assert.deepEqual([complete, endedBy], [false, "signal"]);
    const { exitCode, stdout } = await sluice(["bench", "report", bench.out]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /\(stopped early\)|Stopped early/);
  });
}
