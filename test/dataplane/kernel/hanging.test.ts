/** A command that hangs is killed, which is told; the rules of before stay, and the next apply converges. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { planNode } from "../../../src/agent/plan.ts";
import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { snapshotOf } from "../../../src/cluster/state.ts";
import type { NodePlan } from "../../../src/dataplane/dataplane.ts";
import { createKernelDataplane } from "../../../src/dataplane/kernel/kernel.ts";
import { execOk } from "../../../src/host/exec.ts";
import { createNetns, inNetns } from "../../../src/host/netns.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileProgram } from "../../../src/modes/compile.ts";
import type { Program } from "../../../src/modes/program.ts";
import { node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { failure, obstacle } from "./in-kernel.ts";

const missing = await obstacle("nf_tables");
const test = suite("kernel: a command that hangs", { timeoutMs: 120_000, sampled: 2 });

/** Longer than a command takes on a busy machine. */
const PATIENCE_MS = 5000;

const modes = {
  iptables: { command: "iptables-restore", dump: ["iptables-save"] },
  nftables: { command: "nft", dump: ["nft", "-s", "list", "ruleset"] },
} as const;
type HangingMode = keyof typeof modes;

function applied(mode: HangingMode, ...objects: readonly ClusterObject[]): readonly [Program, NodePlan] {
  const model = buildModel(snapshotOf([node(), ...objects]), "node-a");
  return [compileProgram(mode, model), planNode(model, mode)];
}

/** Runs a body while the host's command hangs on input, as long as a file is there. */
async function whileHanging(command: string, body: (flag: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-hanging-"));
  const flag = join(folder, "hang");
  const before = process.env["PATH"]!;
  const real = before
    .split(delimiter)
    .map((one) => join(one, command))
    .find((file) => existsSync(file))!;
  const hangs = `[ -e ${flag} ] && { [ ${command} != nft ] || [ "$1" = -f ]; }`;
  writeFileSync(join(folder, command), `#!/bin/sh\n${hangs} && exec sleep 100\nexec ${real} "$@"\n`);
  chmodSync(join(folder, command), 0o755);
  process.env["PATH"] = `${folder}${delimiter}${before}`;
  try {
    await body(flag);
  } finally {
    process.env["PATH"] = before;
    rmSync(folder, { recursive: true });
  }
}

async function hangs(mode: HangingMode): Promise<void> {
  const { command, dump } = modes[mode];
  const netns = await createNetns(`sluice-hang-${process.pid}`);
  const dataplane = createKernelDataplane({ netns: netns.name, commandTimeoutMs: PATIENCE_MS });
  const rules = async (): Promise<string> =>
    (await execOk(inNetns(netns.name, dump))).replaceAll(/^#.*\n|\[\d+:\d+\]/gm, "");
  try {
    await whileHanging(command, async (flag) => {
      await dataplane.apply(...applied(mode, service(), slice({ endpoints: ["10.0.0.1"] })));
      const before = await rules();
      const wanted = applied(mode, service(), slice({ endpoints: ["10.0.0.1", "10.0.0.2"] }));
      writeFileSync(flag, "");
      assert.match(await failure(dataplane.apply(...wanted)), /was killed: not done after 5\d\d\d ms/);
      assert.equal(await rules(), before);
      rmSync(flag);
      await dataplane.apply(...wanted);
      assert.match(await rules(), /10\.0\.0\.2/);
    });
  } finally {
    await dataplane.close();
    await netns.close();
  }
}

for (const mode of ["iptables", "nftables"] as const) {
  const title = `${mode}: ${modes[mode].command} is killed, the old rules stay, and the next apply converges`;
  if (missing === undefined) test(title, () => hangs(mode));
  else test.skip(title, missing);
}
