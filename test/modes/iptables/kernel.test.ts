/** The `restore` format loaded into a real kernel, in a network namespace, gives the `save` format back, byte for byte. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execOk } from "../../../src/host/exec.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileIptables } from "../../../src/modes/iptables/compile.ts";
import { resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import { parseIptables } from "../../../src/modes/iptables/parse.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import type { IptablesRuleset } from "../../../src/modes/iptables/ruleset.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readScenario, withAddresses } from "../../support/recorded-scenario.ts";
import { obstacleTo } from "../../support/obstacle.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

/** Scenarios that between them have every kind of rule that the compiler makes. */
const scenarios = [
  "017-multiport-tcp-udp-sctp",
  "045-affinity-etp-local",
  "060-nodeportaddresses-loopback-and-cidr",
  "084-source-ranges-node-ip",
  "155-masquerade-bit-31",
  "203-legacy-everything",
  "212-detectlocal-prefix-interface-exists",
  "218-everything-etp-local-no-local",
];

/** In a namespace of its own: the counters, the restore text from standard input, and what the kernel made of it. */
const script = `
nfacct add ct_state_invalid_dropped_pkts && nfacct add localhost_nps_accepted_pkts &&
"$0-restore" --noflush && for table in "$@"; do "$0-save" -t $table || exit; done`;

async function loaded(ruleset: IptablesRuleset): Promise<string> {
  const command = ruleset.family === 4 ? "iptables" : "ip6tables";
  const tables = ruleset.tables.map(({ name }) => name);
  const saved = await execOk(["unshare", "--net", "sh", "-c", script, command, ...tables], {
    input: renderIptables(ruleset, "restore"),
  });
  const lines = saved.split("\n").filter((line) => !line.startsWith("#"));
  return lines.map((line) => line.replace(/^(:.*) \[\d+:\d+\]$/, "$1 [0:0]")).join("\n");
}

const missing = await obstacleTo("nfacct add x && iptables-save -t nat");
// Only now: a suite runs as soon as the file waits for something.
const test = suite("iptables text in a kernel");
const inKernel = (name: string, body: () => Promise<void>): void =>
  missing === undefined ? test(name, body) : test.skip(name, missing);

for (const name of scenarios) {
  inKernel(`the kernel takes the rules of ${name} and gives them back`, async () => {
    const folder = inProject("test", "golden", "kube-proxy", name);
    const { nodeName, iptables } = readRecordedConfig(join(folder, "config.yaml"));
    const { stages, addresses } = readScenario(folder);
    const model = withAddresses(buildModel(stages[0]!.snapshot, nodeName), addresses);
    for (const family of [4, 6] as const) {
      const ruleset = compileIptables(model, family, resolveIptablesOptions(iptables));
      assert.equal(await loaded(ruleset), renderIptables(ruleset, "save"));
    }
  });
}

inKernel("a comment of nothing but trouble comes back from the kernel as it went", async () => {
  const text = `"; \\" -j ACCEPT' \\ "" #! é $(x) \`y\``;
  const rules = [{ matches: [{ kind: "comment", text } as const], target: { kind: "drop" } as const }];
  const ruleset: IptablesRuleset = {
    family: 4,
    tables: [
      {
        name: "filter",
        chains: [
          { name: "INPUT", policy: "ACCEPT", rules: [] },
          { name: "FORWARD", policy: "ACCEPT", rules: [] },
          { name: "OUTPUT", policy: "ACCEPT", rules: [] },
          { name: "KUBE-X", rules },
        ],
      },
    ],
  };
  assert.equal(await loaded(ruleset), renderIptables(ruleset, "save"));
});

/** As this kernel's own tools printed them. */
const dumps = ["every-option-nft.iptables-save.txt", "others.iptables-save.txt", "others.ip6tables-save.txt"];

for (const file of dumps) {
  inKernel(`the rules of ${file}, whoever's they are, come back from the kernel as they went`, async () => {
    const text = readFileSync(inProject("test", "modes", "iptables", "dumps", file), "utf8");
    const read = parseIptables(text, file.includes("ip6tables") ? 6 : 4);
    // The input leaves policies alone.
    const policies = text.replace(/^(:\w+) DROP /gm, "$1 ACCEPT ");
    assert.equal(await loaded(read), policies.replace(/^#.*\n/gm, ""));
  });
}
