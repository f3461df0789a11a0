/** `sluice run --once --mode ipvs` in a kernel that has IPVS: a guest boots, and is programmed as a host would be. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readConfig } from "../../src/agent/config/read.ts";
import { programOptionsOf } from "../../src/agent/config/program-options.ts";
import { compileProgram } from "../../src/modes/compile.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { renderIptables } from "../../src/modes/iptables/render.ts";
import { asListed } from "../../src/modes/ipvs/listed.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { renderIpvs } from "../../src/modes/ipvs/render.ts";
import type { IpvsTables } from "../../src/modes/ipvs/tables.ts";
import { loadCluster } from "../../src/cluster/load.ts";
import { buildModel } from "../../src/model/build.ts";
import type { Family } from "../../src/net/ip.ts";
import { formatIp, parseIp } from "../../src/net/ip.ts";
import { sample } from "../support/seed.ts";
import { expectedPicks } from "./expected-picks.ts";
import type { Guest } from "./guest.ts";
import { clusterText, config, drain, endpointIps, nodeIps, web } from "./guest-run-cluster.ts";
import type { Dumps } from "./guest-kernel.ts";
import { clientOf, CONNECTIONS } from "./guest-report.ts";
import { type RunPart, runParts, type RunReport } from "./guest-run-report.ts";
import { plainSets } from "./plain-sets.ts";
import { reportTests } from "./report-tests.ts";

/** Some forty commands of the host for each sync, and a guest is slow where its host is at work. */
const TIMEOUT_MS = 900_000;

const sets = ["bitmap_port", "hash_ip", "hash_ipport", "hash_ipportip", "hash_ipportnet"];
const matches = ["set", "ipvs", "physdev", "addrtype", "mark", "comment", "conntrack", "tcpudp", "MASQUERADE"];
const modules = [
  "ip_vs",
  "ip_vs_rr",
  "ip_vs_wlc",
  "dummy",
  "nf_conntrack_netlink",
  ...sets.map((type) => `ip_set_${type}`),
  ...matches.map((match) => `xt_${match}`),
  "iptable_nat",
  "ip6table_nat",
  "iptable_filter",
  "ip6table_filter",
  "ipt_REJECT",
  "ip6t_REJECT",
];

/** Compiled beside this file. */
const program = fileURLToPath(import.meta.url).replace(/run-in-guest(\.[jt]s)$/, "guest-run-program$1");

/** What is to be in the kernel, as the same configuration and cluster compile here. */
async function wanted(): Promise<readonly IpvsTables[]> {
  const { snapshot } = await loadCluster(["-"], { stdin: async () => Buffer.from(clusterText()) });
  const model = buildModel(snapshot, "node-a");
  const node = { ...model.node, addresses: nodeIps.map((text) => parseIp(text)) };
  const compiled = compileProgram("ipvs", { ...model, node }, programOptionsOf(readConfig(config, "config.yaml")));
  assert.ok(compiled.mode === "ipvs");
  return compiled.tables;
}

const parts = sample(runParts, 1);
const tables = await wanted();
const { tests, inGuest, inPart } = reportTests<RunReport, RunPart>(parts);

/** Chains of ours and what leads to them, of nat and filter, without counters. */
function ourRules(saved: string, family: Family): string {
  const own = parseIptables(saved.replaceAll(/\[\d+:\d+\]/g, "[0:0]"), family).tables;
  const tables = ["nat", "filter"].map((name) => own.find((table) => table.name === name)!);
  const lines = renderIptables({ family, tables }, "save").split("\n");
  return lines.filter((line) => !/MINE/.test(line)).join("\n");
}

/** The kernel's own words, so that two dumps can be compared: of rules those that are there, whatever tables are empty. */
function everything({ servers, sets, rules4, rules6, addresses }: Dumps): object {
  const plain = (rules: string): readonly string[] =>
    rules
      .replaceAll(/ \[\d+:\d+\]/g, "")
      .split("\n")
      .filter((line) => /^-A |^:\S+ -$/.test(line));
  return { servers, sets, addresses, rules: [plain(rules4), plain(rules6)] };
}

inGuest("the command programs what the configuration and the cluster say, and ends with 0", ({ run, after }) => {
  assert.equal(run.exitCode, 0, run.stderr);
  const around = tables.map((one) => one.around!);
  const ours = after.servers.split("\n").filter((line) => !/198\.51\.100\.1|-f 7/.test(line));
  assert.equal(ours.join("\n"), tables.map((one) => renderIpvs(asListed(one))).join(""));
  const sets = parseSets(after.sets).filter(({ name }) => name !== "MINE");
  assert.equal(plainSets(sets), plainSets(around.flatMap((one) => one.sets)));
  const rules = [after.rules4, after.rules6] as const;
  for (const [index, family] of ([4, 6] as const).entries()) {
    assert.equal(ourRules(rules[index]!, family), renderIptables(around[index]!.rules, "save"));
  }
  const addresses = around.flatMap((one) => one.addresses.map(({ base }) => formatIp(base)));
  assert.deepEqual([...(after.addresses ?? [])].toSorted(), addresses.toSorted());
});

inGuest("fields of the configuration are in force: scheduler, time-outs, strictARP, excluded ranges", (report) => {
  const { after, timeouts } = report;
  assert.match(after.servers, /^-A -t 10\.96\.1\.1:80 -s wlc$/m);
  assert.match(timeouts, /: 800 120 200$/m);
  assert.deepEqual(
    after.sysctls.map(([, value]) => value),
    [1, 1, 1],
  );
  assert.match(after.servers, /^-A -t 198\.51\.100\.1:80 -s rr$/m);
  assert.match(after.servers, /^-A -f 7 -s rr$/m);
});

inPart(
  "broken",
  "a command that fails in the middle is reported, and the next run comes to the whole",
  (broken, { run }) => {
    assert.match(broken, /^kernel: .*restore.*: broken for a while$/);
    assert.equal(run.exitCode, 0, run.stderr);
  },
);

inGuest("a kernel that holds it all needs nothing", ({ again }) => {
  assert.deepEqual(again, []);
});

inPart("traffic", `${CONNECTIONS} connections are spread as the scheduler promises`, ({ picks }) => {
  const server = tables[0]!.virtualServers.find(({ addr }) => formatIp(addr.ip) === web.ip && addr.port === web.port)!;
  const clients = Array.from({ length: CONNECTIONS }, (_, index) => {
    const { ip, port } = clientOf(index);
    return { ip: parseIp(ip), port };
  });
  assert.equal(server.servers.length, endpointIps.length);
  assert.deepEqual(picks, expectedPicks(server, clients));
});

inPart("traffic", "a node port answers at the address of an interface", ({ nodePort }) => {
  assert.ok((endpointIps as readonly string[]).includes(nodePort), nodePort);
});

inPart("traffic", "an endpoint that went keeps its connection, and goes when that is over", ({ drain: drained }) => {
  const { server, during, echo, after } = drained;
  const real = `-r ${server}:${drain.endpointPort}`;
  const virtual = `-t ${drain.ip}:${drain.port}`;
  assert.ok(during.includes(`-a ${virtual} ${real} -m -w 0\n`), during);
  assert.equal(echo, "still here");
  assert.ok(!after.includes(`${virtual} ${real}`), after);
});

inPart("cleaned", "a clean-up leaves what was there before", (cleaned, { before }) => {
  assert.deepEqual(everything(cleaned), everything(before));
});

inPart("unable", "a scheduler that the kernel does not have is named", (unable) => {
  assert.match(unable, /^this host cannot do mode ipvs; missing: of the kernel the scheduler ovf \(ip_vs_ovf\)/);
});

export const sluiceInGuest: Guest = {
  name: "sluice run --mode ipvs in a guest's kernel",
  program: [program, ...parts],
  modules,
  timeoutMs: TIMEOUT_MS,
  tests,
};
