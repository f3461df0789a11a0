/** Ctrl-C while other programs are measured: none of them stays, nor do their files. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { peerVersion } from "../../src/lab/peers/peer-dataplane.ts";
import { peerNames } from "../../src/lab/peers/peer.ts";
import type { BenchResult } from "../../src/measure/result.ts";
import { suite } from "../support/suite.ts";
import { descendants, endAll, startBench, untilGone } from "./stopped-bench.ts";

const versions = await Promise.all(peerNames.map(peerVersion));
const installed = peerNames.filter((_, at) => versions[at] !== undefined);
const test = suite("sluice bench, stopped while peers run", { timeoutMs: 120_000 });
const given = ["--subjects", ...installed, "--works", "tcp-request-response", "--budget-seconds", "90"];
test.after(endAll);

function check(name: string, body: () => Promise<void>): void {
  if (installed.length === 0) test.skip(name, "no peer is installed");
  else test(name, body);
}

check("one Ctrl-C: the peers are gone, the partial result is there", async () => {
  const bench = startBench("once", given);
  await bench.measuring;
  const peers = descendants(bench.pid);
  assert.ok(peers.length >= installed.length, `${peers.length} processes`);
  process.kill(-bench.pid, "SIGINT");
  assert.equal(await bench.ended(), 4, bench.stderr());
  const { complete, endedBy } = JSON.parse(readFileSync(bench.out, "utf8")) as BenchResult;
  assert.deepEqual([complete, endedBy], [false, "signal"]);
  await untilGone(peers);
  assert.deepEqual(readdirSync(bench.own), ["result.json"]);
});

check("Ctrl-C while the first peer starts is not an error of that peer", async () => {
  const bench = startBench("opening", given);
  await untilAPeerRuns(bench.pid);
  process.kill(-bench.pid, "SIGINT");
  assert.equal(await bench.ended(), 4);
  assert.doesNotMatch(bench.stderr(), /does not start/);
  assert.ok(existsSync(bench.out), bench.stderr());
  assert.deepEqual(readdirSync(bench.own), ["result.json"]);
});

check("two signals: the peers and their files are gone, too", async () => {
  const bench = startBench("twice", given);
  await bench.measuring;
  const peers = descendants(bench.pid);
  assert.ok(peers.length >= installed.length, `${peers.length} processes`);
  // Two of a kind may come as one.
  process.kill(bench.pid, "SIGINT");
  process.kill(bench.pid, "SIGTERM");
  assert.equal(await bench.ended(), 4, bench.stderr());
  await untilGone(peers);
  assert.deepEqual(readdirSync(bench.own), []);
});

async function untilAPeerRuns(bench: number): Promise<void> {
  const endsMs = performance.now() + 30_000;
  while (!descendants(bench).some(isPeer)) {
    assert.ok(performance.now() < endsMs, "no peer was started");
    await sleep(2);
  }
}

/** One that serves, not one that is asked for its version. */
function isPeer(pid: number): boolean {
  try {
    const [command, ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
    return peerNames.some((name) => name === command) && args.length > 1;
  } catch {
    return false;
  }
}
