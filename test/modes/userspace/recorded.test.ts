/** The portal rules against dumps of a kernel that kube-proxy 1.25 programmed in userspace mode. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildModel } from "../../../src/model/build.ts";
import type { Model } from "../../../src/model/model.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import { compileUserspace } from "../../../src/modes/userspace/compile.ts";
import { compilePortals } from "../../../src/modes/userspace/portals.ts";
import { allocateProxyPorts } from "../../../src/modes/userspace/render.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { normalizeDump, readDump } from "../../support/normalize-iptables.ts";
import { readScenario, scenarioFolders } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const test = suite("userspace mode, recorded");
const folders = scenarioFolders(inProject("test", "golden", "kube-proxy-userspace"));
let compared = 0;

/** A proxy port is chosen by chance: it is named by the service in the rule's comment. */
function nameProxyPorts(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      const service = /--comment "?([^" ]+)"? /.exec(line)?.[1];
      const inTarget = line.replace(/(--to-ports |--to-destination \S+:)\d+$/, `$1<${service}>`);
      return line.startsWith("-A KUBE-NODEPORT-NON-LOCAL ")
        ? inTarget.replace(/--dport \d+/, `--dport <${service}>`)
        : inTarget;
    })
    .join("\n");
}

/** Services come one after the other, each with its rules in a fixed order. */
const byService = (chain: string): boolean => !chain.includes("/KUBE-");

function compiledPortals(model: Model, bindAddress: string): string {
  const table = compileUserspace(model);
  const ports = allocateProxyPorts(table, 36000);
  const sockets = { ports, bindIp: parseIp(bindAddress), hostIp: model.node.ip4 };
  return renderIptables(compilePortals(table, sockets), "save");
}

for (const folder of folders) {
  test(`every stage of ${basename(folder)} has the portals that kube-proxy programmed`, () => {
    const { nodeName, bindAddress } = readRecordedConfig(join(folder, "config.yaml"));
    for (const { name, snapshot } of readScenario(folder).stages) {
      const file = join(folder, "expected", `${name}.iptables-save.txt`);
      const recorded = readDump(nameProxyPorts(readFileSync(file, "utf8")));
      for (const chain of recorded.keys()) if (chain.startsWith("mangle/")) recorded.delete(chain);
      const ours = readDump(nameProxyPorts(compiledPortals(buildModel(snapshot, nodeName), bindAddress)));
      assert.equal(normalizeDump(ours, byService), normalizeDump(recorded, byService), name);
      compared += 1;
    }
  });
}

test("every dump was compared", () => {
  const files = folders.flatMap((folder) => readdirSync(join(folder, "expected")));
  console.log(`${compared} dumps compared`);
  assert.equal(compared, files.length);
  assert.equal(compared, 27);
});
