/** Random rulesets in a kernel of its own, and a packet at a time: what each rule counts is what the emulator says. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parseIpAddr, parseIpRoute } from "../../../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { exec, execOk } from "../../../../src/host/exec.ts";
import { parseIptables } from "../../../../src/modes/iptables/parse.ts";
import { renderRule } from "../../../../src/modes/iptables/render.ts";
import { parseSets } from "../../../../src/modes/ipvs/parse-sets.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";
import { anyTrial, setCommands, type Trial } from "./any-iptables.ts";
import { type Counts, followPackets } from "./follow-packets.ts";
import { type KernelNetwork, openKernelNetwork } from "./kernel-network.ts";

const network = await openKernelNetwork();
const test = suite("netfilter emulator: the kernel", { timeoutMs: 1_800_000 });

const PACKETS = 12;
/** ≥ 2,000 pairs of ruleset and packet in full. */
const trials = runs(180, 4);

/** How the packets ended. */
const tally = new Map<string, number>();

async function counts(kernel: KernelNetwork): Promise<Counts> {
  const { tables } = parseIptables(await kernel.node.run("iptables-save", "-c"), 4);
  const all = new Map<string, number>();
  for (const { name, chains } of tables) {
    for (const chain of chains) {
      for (const rule of chain.rules) {
        const key = `${name}/${chain.name} ${`-A ${chain.name} ${renderRule(rule, 4, "save")}`.trimEnd()}`;
        all.set(key, (all.get(key) ?? 0) + Number(rule.counters?.packets ?? 0n));
      }
    }
  }
  return all;
}

async function load(kernel: KernelNetwork, rules: string): Promise<string> {
  const { exitCode, stderr } = await exec([...kernel.node.through, "iptables-restore"], { input: rules });
  return exitCode === 0 ? "" : stderr;
}

async function playTrial(kernel: KernelNetwork, { rules, packets }: Trial): Promise<number> {
  const refused = await load(kernel, rules);
  if (refused !== "") throw new Error(`the kernel refuses\n${rules}\n${refused}`);
  await kernel.forget();
  await kernel.arrived();
  const saved = await kernel.node.run("iptables-save");
  const { node } = assembleNode({
    iptables: [parseIptables(saved, 4)],
    sets: parseSets(await kernel.node.run("ipset", "save")),
    interfaces: parseIpAddr(await kernel.node.run("ip", "-j", "addr")),
    routes: parseIpRoute(await kernel.node.run("ip", "-j", "route")),
    addresses: [],
  });
  const nameOf = (where: string, rule: string): string => `${where} ${rule}`;
  await followPackets({ kernel, node, packets, counts: () => counts(kernel), nameOf, rules: saved, tally });
  return packets.length;
}

if (typeof network === "string") test.skip("each rule counts what the emulator says", network);
else {
  test.after(() => network.close());
  test(`${trials * PACKETS} random packets: each rule counts what the emulator says, and each arrives where it says`, async () => {
    await execOk([...network.node.through, "ipset", "restore"], { input: setCommands });
    let pairs = 0;
    for (const trial of fc.sample(anyTrial(PACKETS), { seed, numRuns: trials }))
      pairs += await playTrial(network, trial);
    assert.equal(pairs, trials * PACKETS);
    console.log(
      `${pairs} pairs of ruleset and packet, all as the kernel has them: ${JSON.stringify(Object.fromEntries(tally))}`,
    );
  });
}
