/** The whole compiler and the listing against dumps of kernels that kube-proxy 1.36 programmed. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { snapshotOf } from "../../../src/cluster/state.ts";
import { buildModel } from "../../../src/model/build.ts";
import { compileNftables } from "../../../src/modes/nftables/compile.ts";
import { resolveNftablesOptions } from "../../../src/modes/nftables/options.ts";
import { listNftables } from "../../../src/modes/nftables/render-listing.ts";
import type { NftablesRuleset } from "../../../src/modes/nftables/ruleset.ts";
import { planSync, type SyncState } from "../../../src/modes/nftables/sync.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { normalizeListing, readListing } from "../../support/normalize-nft.ts";
import { readObjects, scenarioFolders } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { stagesOf } from "./stages.ts";

/** A name longer than nft takes as a comment: kube-proxy 1.36 writes it all the same, and fails to load the family. */
const withoutIp4 = new Set(["159-long-names-no-endpoints"]);
/** Stages that were not recorded in this mode. */
const unrecorded = new Set(["02-node-zone-b", "03-node-no-zone"]);

const goldenFolder = inProject("test", "golden", "kube-proxy");
const compared = { settled: 0, presettled: 0, tables: 0 };
const test = suite("nftables mode, recorded");

for (const folder of scenarioFolders(goldenFolder)) {
  const name = basename(folder);
  if (!existsSync(join(folder, "expected", "00-initial.nftables.nft.txt"))) continue;
  test(`every stage of ${name} compiles to what kube-proxy programmed`, () => {
    for (const { name: stage, ruleset } of stagesOf(folder)) {
      if (name === "186-seq-hints" && unrecorded.has(stage)) continue;
      assertSame(ruleset, join(folder, "expected", `${stage}.nftables.nft.txt`), withoutIp4.has(name));
      compared.settled += 1;
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
    const { nodeName, nftables } = readRecordedConfig(join(folder, expected, "nftables", "config.yaml"));
    const cidrs = readObjects(join(folder, "servicecidrs.yaml"));
    const model = buildModel(snapshotOf([...readObjects(join(folder, objects)), ...cidrs]), nodeName);
    assert.ok(model.servicePorts[4].length > 10);
    const ruleset = compileNftables(model, resolveNftablesOptions(nftables));
    assertSame(ruleset, join(folder, expected, "nftables", "nft.txt"));
    compared.settled += 1;
  });
}

/** Steps come seconds apart; what is recorded before it settled comes of the first sync after a step. */
const STEP_MS = 10_000;
const SETTLED_MS = 1250;

for (const folder of scenarioFolders(goldenFolder)) {
  const early = readdirSync(join(folder, "expected")).filter((file) => file.endsWith("nft.presettle.txt"));
  if (early.length === 0) continue;
  test(`each sync of ${basename(folder)} leaves what kube-proxy's left, before and after it settled`, () => {
    let states: readonly (SyncState | undefined)[] = [undefined, undefined];
    for (const [index, { name: stage, ruleset }] of stagesOf(folder).entries()) {
      const sync = (nowMs: number): NftablesRuleset => {
        states = ruleset.tables.map((table, i) => planSync(states[i], table, nowMs).state);
        return { tables: states.map((state) => state!.table) };
      };
      const atFirst = sync(index * STEP_MS);
      const file = (kind: string): string => join(folder, "expected", `${stage}.nftables.${kind}`);
      if (existsSync(file("nft.presettle.txt"))) {
        assertSame(atFirst, file("nft.presettle.txt"));
        compared.presettled += 1;
      }
      assertSame(sync(index * STEP_MS + SETTLED_MS), file("nft.txt"));
    }
  });
}

test("every dump was compared", () => {
  const dumps = scenarioFolders(goldenFolder).flatMap((folder) => readdirSync(join(folder, "expected")));
  const settled = dumps.filter((file) => file.endsWith(".nftables.nft.txt")).length + boutiqueStates.length;
  const presettled = dumps.filter((file) => file.endsWith(".nftables.nft.presettle.txt")).length;
  console.log(`${settled} settled dumps and ${presettled} before that compared, ${compared.tables} tables`);
  assert.deepEqual([compared.settled, compared.presettled], [settled, presettled]);
  assert.deepEqual([settled, presettled], [189, 23]);
});

function assertSame(ruleset: NftablesRuleset, file: string, lacksIp4 = false): void {
  const ours = readListing(listNftables(ruleset));
  const theirs = readListing(readFileSync(file, "utf8"));
  if (lacksIp4) {
    assert.ok(!theirs.has("ip kube-proxy"), file);
    ours.delete("ip kube-proxy");
  }
  compared.tables += ours.size;
  assert.equal(normalizeListing(ours), normalizeListing(theirs), file);
}
