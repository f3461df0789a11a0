/** The same of nftables: random rulesets in a kernel of its own, and a packet at a time. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parseIpAddr, parseIpRoute } from "../../../../src/dataplane/emulated/netfilter/parse-ip-json.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { exec } from "../../../../src/host/exec.ts";
import { parseNftables } from "../../../../src/modes/nftables/parse.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";
import { anyNftTrial, type NftTrial } from "./any-nftables.ts";
import { type Counts, followPackets } from "./follow-packets.ts";
import { type KernelNetwork, openKernelNetwork } from "./kernel-network.ts";

const network = await openKernelNetwork();
const test = suite("nftables emulator: the kernel", { timeoutMs: 1_800_000 });

const PACKETS = 12;
/** ≥ 2,000 pairs of ruleset and packet in full. */
const trials = runs(180, 4);

/** How the packets ended. */
const tally = new Map<string, number>();

async function listed(kernel: KernelNetwork, family: string): Promise<string> {
  return kernel.node.run("nft", "-j", "list", "table", family, "trial");
}

async function counts(kernel: KernelNetwork, family: string): Promise<Counts> {
  const { tables } = parseNftables(await listed(kernel, family), "nft -j list table");
  const all = new Map<string, number>();
  for (const { comment = "", statements } of tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules))) {
    for (const statement of statements) if (statement.kind === "counter") all.set(comment, statement.packets ?? 0);
  }
  return all;
}

async function playTrial(kernel: KernelNetwork, { rules, packets }: NftTrial): Promise<number> {
  const family = rules.split(" ")[1]!;
  const { exitCode, stderr } = await exec([...kernel.node.through, "nft", "-f", "-"], { input: rules });
  assert.equal(exitCode, 0, `the kernel refuses\n${rules}\n${stderr}`);
  try {
    await kernel.forget();
    await kernel.arrived();
    const { node } = assembleNode({
      nftables: parseNftables(await listed(kernel, family), "nft -j list table"),
      interfaces: parseIpAddr(await kernel.node.run("ip", "-j", "addr")),
      routes: parseIpRoute(await kernel.node.run("ip", "-j", "route")),
      addresses: [],
    });
    const nameOf = (_: string, rule: string): string | undefined => /comment "(r\d+)"/.exec(rule)?.[1];
    await followPackets({ kernel, node, packets, counts: () => counts(kernel, family), nameOf, rules, tally });
  } finally {
    await kernel.node.run("nft", "delete", "table", family, "trial");
  }
  return packets.length;
}

if (typeof network === "string") test.skip("each rule counts what the emulator says", network);
else {
  test.after(() => network.close());
  test(`${trials * PACKETS} random packets: each rule counts what the emulator says, and each arrives where it says`, async () => {
    let pairs = 0;
    for (const trial of fc.sample(anyNftTrial(PACKETS), { seed, numRuns: trials }))
      pairs += await playTrial(network, trial);
    assert.equal(pairs, trials * PACKETS);
    console.log(
      `${pairs} pairs of ruleset and packet, all as the kernel has them: ${JSON.stringify(Object.fromEntries(tally))}`,
    );
  });
}
