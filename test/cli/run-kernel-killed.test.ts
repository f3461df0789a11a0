/** `sluice run` killed in the middle of a sync leaves nothing that the next one cannot mend. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../src/core/random.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { sluice, startSluice } from "./cli.ts";
import { writeManyServices } from "./many-services.ts";
import { modeOf, obstacleTo, onNode, type ProgrammedNode, programmers, type Programmer } from "./programmed-node.ts";

/** Of each programmer: 51 in a full run. */
const KILLS = runs(17, 1);
const obstacles = await Promise.all(programmers.map(obstacleTo));
const test = suite("sluice run: killed", { timeoutMs: 590_000, sampled: 1 });
const random = seededRandom(seed);

const argsFor = (programmer: Programmer, file: string): readonly string[] =>
  `run --once --dataplane kernel --mode ${modeOf(programmer)} --hostname-override node-a -f ${file}`.split(" ");

/** Starts it, waits until it has looked for the kernel's tools, and kills it. @returns whether it was still at work. */
async function killInMidSync(node: ProgrammedNode, args: readonly string[], afterMs: number): Promise<boolean> {
  const child = startSluice(args, node.through);
  const closed = once(child, "close");
  await syncBegan(child.stderr!);
  await sleep(afterMs);
  child.kill("SIGKILL");
  const [exitCode] = (await closed) as [number | null];
  return exitCode === null;
}

/** Resolves with the first line about the tools, or at the end. */
function syncBegan(stderr: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve) => {
    let said = "";
    stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (/iptables v\d|nftables v\d/.test(said)) resolve();
    });
    stderr.on("close", resolve);
  });
}

async function syncMs(node: ProgrammedNode, args: readonly string[]): Promise<number> {
  const child = startSluice(args, node.through);
  const closed = once(child, "close");
  await syncBegan(child.stderr!);
  const beganMs = performance.now();
  assert.deepEqual(await closed, [0, null]);
  return performance.now() - beganMs;
}

async function assertConverges(programmer: Programmer, node: ProgrammedNode): Promise<void> {
  const files = [
    writeManyServices(node.folder, "many.json", { services: 30, endpoints: 4 }),
    writeManyServices(node.folder, "few.json", { services: 20, endpoints: 3 }),
  ];
  const argsOf = files.map((file) => argsFor(programmer, file));
  const wanted: string[] = [];
  let longestMs = 0;
  for (const args of argsOf) {
    longestMs = Math.max(longestMs, await syncMs(node, args));
    wanted.push(await node.dump());
  }
  assert.notEqual(wanted[0], wanted[1]);
  let interrupted = 0;
  for (let i = 0; i < KILLS; i += 1) {
    const to = i % 2;
    if (await killInMidSync(node, argsOf[to]!, random.below(Math.ceil(longestMs)))) interrupted += 1;
    const { exitCode, stderr } = await sluice(argsOf[to]!, "", node.through);
    assert.equal(exitCode, 0, stderr);
    assert.equal(await node.dump(), wanted[to], `kill ${i}`);
  }
  console.log(`${programmer}: ${interrupted} of ${KILLS} were interrupted`);
}

for (const [index, programmer] of programmers.entries()) {
  const title = `${programmer}: killed at random moments of a sync, the next start converges to the same dump`;
  const missing = obstacles[index];
  if (missing === undefined) test(title, () => onNode(programmer, (node) => assertConverges(programmer, node)));
  else test.skip(title, missing);
}
