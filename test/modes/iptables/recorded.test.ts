/** The whole compiler and the `save` format against dumps of kernels that kube-proxy 1.36 programmed. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { compileIptables } from "../../../src/modes/iptables/compile.ts";
import { type IptablesOptions, resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import type { Family } from "../../../src/net/ip.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { type Dump, normalizeDump, readDump } from "../../support/normalize-iptables.ts";
import { readObjects, readScenario, scenarioFolders, withAddresses } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

/** What a dump holds that kube-proxy did not put there. It must be there, and is then left out of the comparison. */
interface Foreign {
  readonly chains: readonly string[];
  readonly rules: Readonly<Record<string, string>>;
  readonly policies: Readonly<Record<string, string>>;
}

/** Differences between a record and what we compile, by scenario; each one with its reason. */
const foreignByScenario: Readonly<Record<string, Foreign>> = {
  // The set-up had rules before kube-proxy started; it deletes stale chains of its own, and lets all others be.
  "196-foreign-rules-kept": {
    chains: ["nat/CNI-HOSTPORT-DNAT", "nat/KUBE-XLB-OLD0000000000000"],
    rules: {
      "nat/PREROUTING": "-m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
      "nat/POSTROUTING": "-s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE",
      "filter/INPUT": "-p tcp -m tcp --dport 22 -j ACCEPT",
    },
    policies: { "filter/FORWARD": "DROP" },
  },
};

/** What is in every dump, and no rule for packets: chains by which kube-proxy notices that somebody flushed a table. */
const isCanary = (chain: string): boolean => chain.startsWith("mangle/") || chain.endsWith("/KUBE-PROXY-CANARY");

const dumpNames = { 4: "iptables-save.txt", 6: "ip6tables-save.txt" } as const;
const families: readonly Family[] = [4, 6];
const goldenFolder = inProject("test", "golden", "kube-proxy");
let compared = 0;

const test = suite("iptables mode, recorded");

for (const folder of scenarioFolders(goldenFolder)) {
  const name = basename(folder);
  test(`every stage of ${name} compiles to what kube-proxy programmed`, () => {
    const { nodeName, iptables } = readRecordedConfig(join(folder, "config.yaml"));
    const { stages, addresses } = readScenario(folder);
    for (const { name: stage, snapshot } of stages) {
      const model = withAddresses(buildModel(snapshot, nodeName), addresses);
      for (const family of families) {
        const file = join(folder, "expected", `${stage}.iptables.${dumpNames[family]}`);
        // Set-ups use iptables, so only IPv4 has foreign rules.
        const foreign = family === 4 ? foreignByScenario[name] : undefined;
        assertSame(model, family, iptables, file, foreign);
      }
    }
  });
}

/** The cluster of Online Boutique, and the dump of its rules on node-a1. */
const boutiqueStates = [
  ["cluster.yaml", "expected-136"],
  ["cluster-after-rolling-update.yaml", "expected-136-after-rolling-update"],
  ["cluster-after-service-changes.yaml", "expected-136-after-service-changes"],
] as const;

for (const [objects, expected] of boutiqueStates) {
  test(`Online Boutique, ${objects}, compiles to what kube-proxy programmed`, () => {
    const folder = inProject("test", "golden", "clusters", "boutique");
    const { nodeName, iptables } = readRecordedConfig(join(folder, expected, "iptables", "config.yaml"));
    const model = buildModel(snapshotOf(readObjects(join(folder, objects))), nodeName);
    assert.ok(model.servicePorts[4].length > 10);
    for (const family of families) {
      assertSame(model, family, iptables, join(folder, expected, "iptables", dumpNames[family]));
    }
  });
}

test("every dump was compared", () => {
  const dumps = scenarioFolders(goldenFolder).flatMap((folder) =>
    readdirSync(join(folder, "expected")).filter((file) => file.endsWith("-save.txt")),
  );
  const ofBoutique = boutiqueStates.length * families.length;
  console.log(`${compared} dumps compared, ${ofBoutique} of them of Online Boutique`);
  assert.equal(compared, dumps.length + ofBoutique);
  assert.equal(compared, 392);
});

function assertSame(model: Model, family: Family, options: IptablesOptions, file: string, foreign?: Foreign): void {
  assert.ok(existsSync(file), file);
  const text = renderIptables(compileIptables(model, family, resolveIptablesOptions(options)), "save");
  const dump = readDump(readFileSync(file, "utf8"));
  for (const chain of dump.keys()) if (isCanary(chain)) dump.delete(chain);
  const expected = foreign === undefined ? dump : without(dump, foreign);
  assert.equal(normalizeDump(readDump(text)), normalizeDump(expected), file);
  compared += 1;
}

function without(dump: Dump, { chains, rules, policies }: Foreign): Dump {
  for (const chain of chains) assert.ok(dump.has(chain), chain);
  const kept = [...dump].filter(([chain]) => !chains.includes(chain));
  return new Map(
    kept.map(([chain, { policy, rules: all }]) => {
      const foreignRule = rules[chain];
      if (foreignRule !== undefined) assert.ok(all.includes(foreignRule), foreignRule);
      if (chain in policies) assert.equal(policy, policies[chain]);
      return [
        chain,
        { policy: chain in policies ? "ACCEPT" : policy, rules: all.filter((rule) => rule !== foreignRule) },
      ];
    }),
  );
}
