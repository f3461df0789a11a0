/** What mode iptables finds on its host decides which rules it writes. */
import assert from "node:assert/strict";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { writeManyServices } from "./many-services.ts";
import { obstacleTo, onNode, type ProgrammedNode } from "./programmed-node.ts";

const missing = await obstacleTo("iptables");
const test = suite("sluice run: what the host has", { timeoutMs: 120_000 });

function check(title: string, body: (node: ProgrammedNode) => Promise<void>): void {
  if (missing === undefined) test(title, () => onNode("iptables", body));
  else test.skip(title, missing);
}

async function program(node: ProgrammedNode): Promise<{ readonly rules: string; readonly stderr: string }> {
  const file = writeManyServices(node.folder, "cluster.json", { services: 2, endpoints: 2 });
  const argv = `run --once --dataplane kernel --mode iptables --hostname-override node-a -f ${file}`.split(" ");
  const { exitCode, stderr } = await sluice(argv, "", node.through);
  assert.equal(exitCode, 0, stderr);
  return { rules: await node.dump(), stderr };
}

check("without the counters of nfacct the host is told, and the rules count nothing", async (node) => {
  assert.match(
    (await program(node)).rules,
    /--ctstate INVALID -m nfacct --nfacct-name {1,2}ct_state_invalid_dropped_pkts/,
  );
  node.replace("nfacct", "echo 'nfacct v1.0.2: error: Operation not supported' >&2; exit 1");
  const { rules, stderr } = await program(node);
  assert.match(stderr, /^sluice: no rule counts packets: nfacct list: .*Operation not supported$/m);
  assert.match(rules, /--ctstate INVALID -j DROP/);
  assert.doesNotMatch(rules, /nfacct/);
});

check("where conntrack is liberal about TCP windows already, packets that it calls invalid pass", async (node) => {
  assert.match((await program(node)).rules, /--ctstate INVALID/);
  await node.set("net.netfilter.nf_conntrack_tcp_be_liberal=1");
  assert.doesNotMatch((await program(node)).rules, /--ctstate INVALID/);
});
