/** Real kernels programmed stage by stage, against the dumps of kernels that kube-proxy 1.36 programmed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { normalizeDump, readDump } from "../../support/normalize-iptables.ts";
import { readScenario } from "../../support/recorded-scenario.ts";
import { isFullRun } from "../../support/full-run.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { type Kernel, obstacle, stageProgram, variants, withKernel } from "./in-kernel.ts";

/** Scenarios that between them have every kind of rule and of change; a sampled run plays those in front. */
const scenarios = [
  "166-seq-endpoints-to-zero-and-back",
  "173-seq-affinity-toggled",
  "176-seq-clusterip-nodeport-lb",
  "190-seq-single-to-dual-stack",
  "195-restart-stale-chains",
  "196-foreign-rules-kept",
  "197-flushed-externally",
  "203-legacy-everything",
  "209-seq-udp-ipv6",
  "017-multiport-tcp-udp-sctp",
  "045-affinity-etp-local",
  "060-nodeportaddresses-loopback-and-cidr",
  "065-localhost-nodeports-false-loopback-address",
  "084-source-ranges-node-ip",
  "155-masquerade-bit-31",
  "156-conntrack-tcp-be-liberal",
  "182-seq-etp-local-endpoint-moves",
].slice(0, runs(17, 6));

interface ScenarioFile {
  readonly setup?: { readonly iptablesRestore?: string };
}

const families = [4, 6] as const;
const dumpNames = { 4: "iptables-save.txt", 6: "ip6tables-save.txt" } as const;
const obstacles = await Promise.all(variants.map(obstacle));
const test = suite("kernel, iptables: as kube-proxy programs it", { timeoutMs: 60_000 });
let compared = 0;

/** A full run plays each scenario in both variants; otherwise it is in one, and the next scenario in the other one. */
const plays = variants.flatMap((variant, at) =>
  scenarios
    .filter((_, index) => isFullRun() || (index + at + seed) % variants.length === 0)
    .map((name) => ({ variant, name, missing: obstacles[at] })),
);

async function assertStage(kernel: Kernel, folder: string, stage: string): Promise<void> {
  const dumps = await Promise.all(families.map((family) => kernel.dump(family)));
  for (const [index, family] of families.entries()) {
    const file = join(folder, "expected", `${stage}.iptables.${dumpNames[family]}`);
    const recorded = readDump(readFileSync(file, "utf8"));
    assert.equal(normalizeDump(readDump(dumps[index]!)), normalizeDump(recorded), file);
    compared += 1;
  }
}

for (const { variant, name, missing } of plays) {
  const title = `${variant}: every stage of ${name} leaves the kernel that kube-proxy left`;
  if (missing !== undefined) {
    test.skip(title, missing);
    continue;
  }
  test(title, () =>
    withKernel(variant, async (kernel) => {
      const folder = inProject("test", "golden", "kube-proxy", name);
      const { nodeName, iptables } = readRecordedConfig(join(folder, "config.yaml"));
      const { stages, addresses } = readScenario(folder);
      const { setup } = JSON.parse(readFileSync(join(folder, "scenario.json"), "utf8")) as ScenarioFile;
      if (setup?.iptablesRestore !== undefined) await kernel.restore(setup.iptablesRestore);
      let { dataplane } = kernel;
      for (const { name: stage, action, snapshot } of stages) {
        if (action === "restart") dataplane = kernel.restarted();
        if (action === "exec") await flush(kernel, variant === "legacy" ? "iptables-legacy" : "iptables-nft");
        if (action === "exec") assert.equal(await dataplane.intact(), false);
        await dataplane.apply(...stageProgram(snapshot, nodeName, iptables, addresses));
        await assertStage(kernel, folder, stage);
      }
    }),
  );
}

test("every stage was compared", () => {
  const stages = plays
    .filter(({ missing }) => missing === undefined)
    .map(({ name }) => readScenario(inProject("test", "golden", "kube-proxy", name)).stages.length)
    .reduce((sum, count) => sum + count, 0);
  assert.equal(compared, families.length * stages);
  console.log(`${compared} dumps compared`);
});

/** What the scenario's action does, with the variant's own command. */
async function flush(kernel: Kernel, command: string): Promise<void> {
  for (const table of ["nat", "filter", "mangle"]) {
    await kernel.sh(`${command} -t ${table} -F && ${command} -t ${table} -X`);
  }
}
