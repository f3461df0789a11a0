/** What stands around the virtual servers, loaded into a real kernel in a network namespace, comes back as it was. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { execOk } from "../../../src/host/exec.ts";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import { compileIpvs } from "../../../src/modes/ipvs/compile.ts";
import type { IpSet } from "../../../src/modes/ipvs/ip-set.ts";
import { type IpvsOptions, resolveIpvsOptions } from "../../../src/modes/ipvs/options.ts";
import { parseSets } from "../../../src/modes/ipvs/parse-sets.ts";
import { entryText, renderSets } from "../../../src/modes/ipvs/render-sets.ts";
import type { Surroundings } from "../../../src/modes/ipvs/surroundings.ts";
import type { Family } from "../../../src/net/ip.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readScenario, withAddresses } from "../../support/recorded-scenario.ts";
import { obstacleTo } from "../../support/obstacle.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { everyService } from "./every-service.ts";

/** Recorded clusters that between them have every kind of service; none closes an address to its node. */
const scenarios = [
  "017-multiport-tcp-udp-sctp",
  "045-affinity-etp-local",
  "060-nodeportaddresses-loopback-and-cidr",
  "084-source-ranges-node-ip",
  "155-masquerade-bit-31",
  "212-detectlocal-prefix-interface-exists",
];

/** In a namespace of its own: sets from standard input, then rules, and what the kernel made of them. */
const script = `ipset restore && printf %s "$2" | "$1"-restore --noflush &&
ipset save && echo --- && "$1"-save -t nat && "$1"-save -t filter`;

interface Listed {
  readonly sets: string;
  readonly rules: string;
}

async function loaded(sets: string, rules: string, family: Family): Promise<Listed> {
  const command = family === 4 ? "iptables" : "ip6tables";
  const listed = await execOk(["unshare", "--net", "sh", "-c", script, "sh", command, rules], { input: sets });
  const [savedSets = "", savedRules = ""] = listed.split("---\n");
  return { sets: savedSets, rules: savedRules };
}

/** Without what carries no meaning: counters and comment lines. */
function plainRules(saved: string): string {
  const lines = saved.split("\n").filter((line) => !line.startsWith("#"));
  return lines.map((line) => line.replace(/^(:.*) \[\d+:\d+\]$/, "$1 [0:0]")).join("\n");
}

/** Without what the kernel chooses: the order of entries, and two options. */
function plainSets(sets: readonly IpSet[]): readonly IpSet[] {
  const plain = (set: IpSet): IpSet => ({
    ...set,
    options: set.options.filter(({ name }) => name !== "bucketsize" && name !== "initval"),
    entries: set.entries.toSorted((a, b) => (entryText(a) < entryText(b) ? -1 : 1)),
  });
  return sets.map(plain);
}

async function comesBack({ sets, rules }: Surroundings): Promise<void> {
  const listed = await loaded(renderSets(sets, "restore"), renderIptables(rules, "restore"), rules.family);
  assert.deepEqual(plainSets(parseSets(listed.sets)), plainSets(sets));
  assert.equal(renderSets(plainSets(parseSets(listed.sets)), "save"), renderSets(plainSets(sets), "save"));
  assert.equal(plainRules(listed.rules), renderIptables(rules, "save"));
}

async function bothFamilies(model: Model, options: IpvsOptions): Promise<void> {
  for (const family of [4, 6] as const) {
    await comesBack(compileIpvs(model, family, resolveIpvsOptions(options)).around!);
  }
}

const missing = await obstacleTo(
  "ipset create x hash:ip && iptables -A INPUT -m set --match-set x src && iptables -A INPUT -m physdev --physdev-is-in",
);
// Only now: a suite runs as soon as the file waits for something.
const test = suite("ipvs sets and rules in a kernel");
const inKernel = (name: string, body: () => Promise<void>): void =>
  missing === undefined ? test(name, body) : test.skip(name, missing);

for (const name of scenarios) {
  inKernel(`the kernel takes the sets and rules of ${name} and gives them back`, async () => {
    const folder = inProject("test", "golden", "kube-proxy", name);
    const { nodeName, iptables } = readRecordedConfig(join(folder, "config.yaml"));
    const {
      masqueradeBit = 14,
      masqueradeAll = false,
      detectLocal = { by: "none" },
      nodePortAddresses = [],
    } = iptables;
    const { stages, addresses } = readScenario(folder);
    const model = withAddresses(buildModel(stages[0]!.snapshot, nodeName), addresses);
    await bothFamilies(model, { masqueradeBit, masqueradeAll, detectLocal, nodePortAddresses });
  });
}

inKernel("the kernel takes every set and every rule that there is, and gives them back", async () => {
  await bothFamilies(everyService, { detectLocal: { by: "cluster-cidr", ranges: ["10.244.0.0/16"] } });
  await bothFamilies(everyService, { masqueradeAll: true, randomFully: false });
});

inKernel("the text of the sets may be loaded again, and leaves nothing of what was there", async () => {
  const { sets } = compileIpvs(everyService, 4, resolveIpvsOptions()).around!;
  const text = renderSets(sets, "restore");
  const old = `add ${sets[1]!.name} 192.0.2.99,tcp:1\n`;
  const { sets: listed } = await loaded(text + old + text, "", 4);
  assert.deepEqual(plainSets(parseSets(listed)), plainSets(sets));
});

inKernel("sets of any other kind come through parse and render as the kernel lists them", async () => {
  const foreign = `
create A hash:net,iface family inet hashsize 1024 maxelem 100 timeout 100000 counters comment skbinfo forceadd
add A 10.0.0.0/8,physdev:eth0 timeout 100000 nomatch packets 3 bytes 4 comment "two words" skbmark 0x1/0xff skbprio 1:10 skbqueue 3
create B bitmap:ip range 192.0.2.0-192.0.2.255
add B 192.0.2.7
create C hash:ip,port family inet6
add C fd00::1,icmpv6:echo-request
add C fd00::1,sctp:99
add C ::ffff:192.0.2.1,udp:53
create D hash:net
add D 198.51.100.0/24
create E list:set size 4
add E A
add E D
`;
  const { sets: listed } = await loaded(foreign, "", 4);
  assert.equal(listed.split("\n").filter((line) => line.startsWith("add ")).length, 8);
  assert.equal(renderSets(parseSets(listed), "save"), listed);
});
