/** Programs of the ipvs mode in a kernel that has IPVS: a guest boots, loads them, and sends traffic through them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { renderIptables } from "../../src/modes/iptables/render.ts";
import { asListed } from "../../src/modes/ipvs/listed.ts";
import { parseServers } from "../../src/modes/ipvs/parse-servers.ts";
import { parseSets } from "../../src/modes/ipvs/parse-sets.ts";
import { renderIpvs } from "../../src/modes/ipvs/render.ts";
import { renderSets } from "../../src/modes/ipvs/render-sets.ts";
import { formatIp, parseIp } from "../../src/net/ip.ts";
import { sample } from "../support/seed.ts";
import { expectedPicks } from "./expected-picks.ts";
import type { Guest } from "./guest.ts";
import {
  clusterIpOf,
  endpointIps,
  endpointPortOf,
  guestTables,
  schedulers,
  type ServiceName,
  servicePortOf,
} from "./guest-cluster.ts";
import { foreignServers, foreignSets } from "./guest-foreign.ts";
import type { Dumps } from "./guest-kernel.ts";
import { clientOf, CONNECTIONS, type GuestPart, guestParts, type GuestReport } from "./guest-report.ts";
import { plainSets } from "./plain-sets.ts";
import { reportTests } from "./report-tests.ts";

/** About half a minute where the host is idle. */
const TIMEOUT_MS = 600_000;

const setTypes = [
  "bitmap_port",
  "bitmap_ip",
  "bitmap_ipmac",
  "list_set",
  "hash_ip",
  "hash_ipport",
  "hash_ipportip",
  "hash_ipportnet",
  "hash_netiface",
  "hash_mac",
  "hash_netportnet",
  "hash_ipmark",
  "hash_netnet",
];
const matches = ["set", "ipvs", "physdev", "addrtype", "mark", "comment", "conntrack", "tcpudp", "MASQUERADE"];
const tables = ["iptable_nat", "ip6table_nat", "iptable_filter", "ip6table_filter", "ipt_REJECT", "ip6t_REJECT"];
const modules = [
  "ip_vs",
  "ip_vs_pe_sip",
  "dummy",
  ...schedulers.map((name) => `ip_vs_${name}`),
  ...setTypes.map((type) => `ip_set_${type}`),
  ...matches.map((match) => `xt_${match}`),
  ...tables,
];

/** Compiled beside this file. */
const program = fileURLToPath(import.meta.url).replace(/programs-in-guest(\.[jt]s)$/, "guest-ipvs-program$1");

const parts = sample(guestParts, 2);
const { tests, inGuest, inPart } = reportTests<GuestReport, GuestPart>(parts);

const families = [guestTables(4), guestTables(6)] as const;

/** The table nat, then filter, as they are rendered, without counters. */
function plainRules(saved: string): string {
  const ruleset = parseIptables(saved.replaceAll(/\[\d+:\d+\]/g, "[0:0]"), 4);
  const tables = ["nat", "filter"].map((name) => ruleset.tables.find((table) => table.name === name)!);
  return renderIptables({ family: 4, tables }, "save");
}

function holdsProgram(dumps: Dumps): void {
  assert.equal(dumps.servers, families.map((tables) => renderIpvs(asListed(tables))).join(""));
  const around = families.map((tables) => tables.around!);
  assert.equal(plainSets(parseSets(dumps.sets)), plainSets(around.flatMap(({ sets }) => sets)));
  assert.equal(plainRules(dumps.rules4), renderIptables(around[0]!.rules, "save"));
  const addresses = around.flatMap(({ addresses }) => addresses.map(({ base }) => formatIp(base)));
  assert.deepEqual([...(dumps.addresses ?? [])].sort(), addresses.sort());
}

inGuest("the kernel holds what was rendered: servers, sets, rules, addresses and sysctls", ({ first }) => {
  assert.deepEqual(first.complaints, []);
  holdsProgram(first.dumps);
  assert.match(first.dumps.rules4, /-m ipvs --vproto 6 --vaddr 203\.0\.113\.10 --vport 80 -j DROP/);
  const wanted = families[0].around!.sysctls.filter(({ kernels }) => kernels === undefined);
  assert.deepEqual(
    first.dumps.sysctls,
    wanted.map(({ path, value }) => [path, value]),
  );
});

inGuest("the IPv6 rules come back as they were rendered", ({ first }) => {
  const saved = parseIptables(first.dumps.rules6.replaceAll(/\[\d+:\d+\]/g, "[0:0]"), 6);
  const tables = ["nat", "filter"].map((name) => saved.tables.find((table) => table.name === name)!);
  assert.equal(renderIptables({ family: 6, tables }, "save"), renderIptables(families[1].around!.rules, "save"));
});

inPart("second", "a kernel that holds a program needs no step for it", (second, { first }) => {
  assert.equal(first.steps.length > 100, true, `${first.steps.length} steps`);
  assert.deepEqual(second.steps, []);
});

const clients = Array.from({ length: CONNECTIONS }, (_, index) => {
  const { ip, port } = clientOf(index);
  return { ip: parseIp(ip), port };
});

for (const name of [...schedulers, "sticky", "dns"] as const satisfies readonly ServiceName[]) {
  inPart("picks", `${CONNECTIONS} connections to the service ${name} go where our own balancer sends them`, (picks) => {
    const [ip, port] = [parseIp(clusterIpOf(name)), servicePortOf(name)];
    const server = families[0].virtualServers.find(({ addr }) => addr.ip === ip && addr.port === port)!;
    assert.equal(server.servers.length, endpointIps.length);
    assert.deepEqual(picks[name], expectedPicks(server, clients));
  });
}

inPart(
  "answers",
  "node ports and external IPs answer; a load balancer IP lets only its source ranges in",
  (answers) => {
    const isEndpoint = (answer: string): boolean => (endpointIps as readonly string[]).includes(answer);
    assert.ok(isEndpoint(answers.externalIp), answers.externalIp);
    assert.ok(isEndpoint(answers.nodePort), answers.nodePort);
    assert.equal(answers.loadBalancerIp, "timeout");
  },
);

inPart("answers", "a port of the host is reached by the node's address, and not by a service's", (answers) => {
  assert.equal(answers.hostPort, "0.0.0.0");
  assert.equal(answers.hostPortByVip, "ECONNREFUSED");
});

inPart("drain", "a server that is to go drains: its connection goes on, and it goes when that is over", (drain) => {
  const { server, during, echo, after } = drain;
  const virtual = `${clusterIpOf("drain")}:80`;
  const real = `-r ${server}:${endpointPortOf("drain")} -m -w`;
  assert.deepEqual(during.steps, ["edit-real-server"]);
  assert.deepEqual(during.draining, [`${virtual}/TCP 1`]);
  assert.ok(during.dumps.servers.includes(`-a -t ${virtual} ${real} 0\n`), during.dumps.servers);
  assert.equal(echo, "still here");
  assert.deepEqual(after.steps, ["delete-real-server"]);
  assert.deepEqual(after.draining, []);
  assert.ok(!after.dumps.servers.includes(real), after.dumps.servers);
  assert.deepEqual([...during.complaints, ...after.complaints], []);
});

inPart(
  "foreign",
  "sets and virtual servers of any kind come through parse and render as the kernel lists them",
  ({ before }) => {
    const { servers, sets } = before;
    assert.equal(renderIpvs({ virtualServers: parseServers(servers) }), servers);
    for (const line of foreignServers.trimEnd().split("\n")) assert.ok(servers.includes(`${line}\n`), line);
    const others = foreignSets.split("\n").filter((line) => line.startsWith("create ")).length;
    assert.equal(parseSets(sets).filter(({ name }) => !name.startsWith("KUBE-")).length, others);
    assert.equal(renderSets(parseSets(sets), "save"), sets);
  },
);

inPart(
  "foreign",
  "servers of others go, but for those by mark; sets of others stay",
  ({ before, after }, { drain }) => {
    const { steps, complaints, dumps } = after;
    assert.deepEqual(complaints, []);
    // What had drained is back.
    const back = drain === undefined ? [] : ["add-real-server"];
    assert.deepEqual(steps, [...back, ...Array.from({ length: 3 }, () => "delete-virtual-server")]);
    const marked = foreignServers.slice(foreignServers.indexOf("-A -f"));
    assert.ok(dumps.servers.endsWith(marked), dumps.servers);
    // The endpoint that came back stands before the others, as the newest does.
    assert.equal(
      dumps.servers.length,
      families.map((tables) => renderIpvs(asListed(tables))).join("").length + marked.length,
    );
    assert.equal(plainSets(parseSets(dumps.sets)), plainSets(parseSets(before.sets)));
  },
);

export const programsInGuest: Guest = {
  name: "ipvs in a guest's kernel",
  program: [program, ...parts],
  modules,
  timeoutMs: TIMEOUT_MS,
  tests,
};
