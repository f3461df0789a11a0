/** `sluice trace --live` on a host whose kernel `sluice run` has programmed: the answer is of the rules in force. */
import assert from "node:assert/strict";
import { execOk } from "../../src/host/exec.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { writeManyServices } from "./many-services.ts";
import { modeOf, obstacleTo, onNode, type ProgrammedNode, programmers, type Programmer } from "./programmed-node.ts";

const obstacles = await Promise.all(programmers.map(obstacleTo));
const test = suite("sluice trace --live", { timeoutMs: 180_000, sampled: 1 });

interface Answer {
  readonly outcomes: readonly { readonly probability: string; readonly verdict: string; readonly to: string }[];
}

async function traced({ through }: ProgrammedNode, to: string): Promise<readonly string[]> {
  const args = ["trace", "--live", "--from", "192.168.10.77", "--to", to, "-o", "json"];
  const { exitCode, stdout, stderr } = await sluice(args, "", through);
  assert.equal(exitCode, 0, stderr);
  const { outcomes } = JSON.parse(stdout) as Answer;
  return outcomes.map(({ probability, verdict, to: end }) => `${probability} ${verdict} ${end}`);
}

const THIRDS = "1/3 forward, 1/3 forward, 1/3 forward";

/** Every service that the rules in force have, without the cluster. */
async function listed({ through }: ProgrammedNode): Promise<readonly string[]> {
  const { exitCode, stdout, stderr } = await sluice(
    ["trace", "--live", "--all", "--from", "192.168.10.77", "-o", "json"],
    "",
    through,
  );
  assert.equal(exitCode, 0, stderr);
  const answers = JSON.parse(stdout) as readonly (Answer & { readonly at: string })[];
  return answers
    .map(
      ({ at, outcomes }) =>
        `${at} ${outcomes.map(({ probability, verdict }) => `${probability} ${verdict}`).join(", ")}`,
    )
    .sort();
}

async function answersOfRules(node: ProgrammedNode, programmer: Programmer): Promise<void> {
  const file = writeManyServices(node.folder, "cluster.json", { services: 2, endpoints: 3 });
  await execOk(["env", ...node.through, "ip", "route", "add", "default", "via", "192.168.10.1"]);
  const args = `run --dataplane kernel --once --mode ${modeOf(programmer)} --hostname-override node-a -f ${file}`;
  const programmed = await sluice(args.split(" "), "", node.through);
  assert.equal(programmed.exitCode, 0, programmed.stderr);
  const before = await node.dump();
  assert.deepEqual(
    await traced(node, "10.96.0.1:80"),
    [1, 2, 3].map((n) => `1/3 forward 10.244.0.${n}:8080`),
  );
  assert.deepEqual(await traced(node, "192.168.10.5:22"), ["1 local 192.168.10.5:22"]);
  assert.deepEqual(
    await listed(node),
    [0, 1].map((n) => `10.96.0.${n + 1}:80 ${THIRDS}`),
  );
  assert.equal(await node.dump(), before, "looking changes nothing");
}

for (const [at, programmer] of programmers.entries()) {
  const missing = obstacles[at];
  const title = `${programmer}: the rules in force answer, and stay as they are`;
  if (missing === undefined) test(title, () => onNode(programmer, (node) => answersOfRules(node, programmer)));
  else test.skip(title, missing);
}
