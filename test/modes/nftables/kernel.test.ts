/** Transactions loaded into a real kernel, in a network namespace, leave what kube-proxy's left. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as fc from "fast-check";
import { changes, fullTransaction } from "../../../src/modes/nftables/changes.ts";
import { parseNftables } from "../../../src/modes/nftables/parse.ts";
import { renderTransaction } from "../../../src/modes/nftables/render-commands.ts";
import type { NamedSet, Rule, Table } from "../../../src/modes/nftables/ruleset.ts";
import { planSync, type SyncState } from "../../../src/modes/nftables/sync.ts";
import type { Transaction } from "../../../src/modes/nftables/transaction.ts";
import { isFullRun } from "../../support/full-run.ts";
import { scenarioFolders } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { anyCompiled, anyTable } from "./any-ruleset.ts";
import { perform } from "./interpreter.ts";
import { makeNamespace, normalized, normalizedRuleset, obstacle } from "./kernel.ts";
import { stagesOf } from "./stages.ts";

/** Scenarios that between them have every kind of rule and of change that kube-proxy makes. */
const sampled = new Set([
  "017-multiport-tcp-udp-sctp",
  "045-affinity-etp-local",
  "084-source-ranges-node-ip",
  "125-dualstack-affinity",
  "152-masquerade-all-etp-local",
  "155-masquerade-bit-31",
  "162-service-cidr",
  "173-seq-affinity-toggled",
  "174-seq-affinity-timeout-changed",
  "176-seq-clusterip-nodeport-lb",
  "183-seq-source-ranges",
  "190-seq-single-to-dual-stack",
  "195-restart-stale-chains",
  "212-detectlocal-prefix-interface-exists",
  "218-everything-etp-local-no-local",
]);
/** A name longer than nft takes as a comment: of one family it refuses everything. */
const refused = "159-long-names-no-endpoints";
const all = scenarioFolders(inProject("test", "golden", "kube-proxy")).filter(
  (folder) => existsSync(join(folder, "expected", "00-initial.nftables.nft.txt")) && basename(folder) !== refused,
);
const chosen = isFullRun() ? all : all.filter((folder) => sampled.has(basename(folder)));

const missing = await obstacle();
const kernel = missing === undefined ? await makeNamespace("nft") : undefined;
// Only now: a suite runs as soon as the file waits for something.
const test = suite("nftables in a kernel", { timeoutMs: 120_000 });
test.after(async () => kernel?.remove());
type Kernel = NonNullable<typeof kernel>;
const inKernel = (name: string, body: (kernel: Kernel) => Promise<void>): void =>
  kernel === undefined ? test.skip(name, missing!) : test(name, () => body(kernel));

/** Steps come seconds apart, and settle. */
const STEP_MS = 10_000;
const SETTLED_MS = 1250;
let compared = 0;
/** Of each table that the compiler makes. */
const comment = "rules for kube-proxy";

async function run({ load }: Kernel, transactions: readonly (Transaction | undefined)[]): Promise<void> {
  const text = transactions.map((one) => (one === undefined ? "" : renderTransaction(one))).join("");
  if (text !== "") await load(text);
}

for (const folder of chosen) {
  inKernel(`the kernel has after each sync of ${basename(folder)} what it had after kube-proxy's`, async (own) => {
    await own.load("flush ruleset\n");
    let states: readonly (SyncState | undefined)[] = [undefined, undefined];
    for (const [index, { name, ruleset }] of stagesOf(folder).entries()) {
      for (const [kind, atMs] of [
        ["nft.presettle.txt", index * STEP_MS],
        ["nft.txt", index * STEP_MS + SETTLED_MS],
      ] as const) {
        const plans = ruleset.tables.map((table, i) => planSync(states[i], table, atMs));
        // Never both in one transaction: that is the point of waiting.
        await run(
          own,
          plans.map(({ cleanup }) => cleanup),
        );
        await run(
          own,
          plans.map(({ main }) => main),
        );
        states = plans.map(({ state }) => state);
        const file = join(folder, "expected", `${name}.nftables.${kind}`);
        if (!existsSync(file)) continue;
        assert.equal(normalized(await own.list()), normalized(readFileSync(file, "utf8")), file);
        compared += 1;
      }
    }
  });
}

inKernel("a whole table replaces whatever is there, and can be loaded twice", async (own) => {
  await own.load("flush ruleset\nadd table ip other\nadd table ip kube-proxy\nadd chain ip kube-proxy services\n");
  await own.load("add rule ip kube-proxy services drop\nadd set ip kube-proxy service-ips { type mark ; }\n");
  const stages = stagesOf(inProject("test", "golden", "kube-proxy", "045-affinity-etp-local"));
  const { ruleset } = stages[0]!;
  for (let times = 0; times < 2; times += 1) {
    await run(own, ruleset.tables.map(fullTransaction));
    const listed = await own.list();
    assert.ok(listed.includes("table ip other {"));
    assert.equal(normalized(listed.replace(/table ip other \{\n\}\n/, "")), normalizedRuleset(ruleset));
  }
});

inKernel("what the kernel has is read back, found to be what is wanted, and left alone", async (own) => {
  await own.load("flush ruleset\n");
  const stages = stagesOf(inProject("test", "golden", "kube-proxy", "218-everything-etp-local-no-local"));
  const { ruleset } = stages[0]!;
  await run(own, ruleset.tables.map(fullTransaction));
  await own.load(
    "add element ip kube-proxy affinity-ISHEYCOM-default/web/tcp/http__10.244.2.11/8080 { 192.0.2.1 timeout 1m }\n",
  );
  const read = parseNftables(await own.listJson(), "kernel");
  const commands = read.tables.flatMap((table, i) => changes(table, ruleset.tables[i]!).commands);
  assert.deepEqual(commands, []);
  const affinity = read.tables[0]!.sets.find(({ elements, flags }) => flags.length > 0 && elements.length > 0);
  assert.equal(affinity!.elements[0]!.timeoutSeconds, 60);
});

inKernel("random changes do in the kernel what they do in the interpreter", async (own) => {
  const pairs = fc.sample(fc.tuple(anyCompiled, anyCompiled), { seed, numRuns: runs(100, 6) });
  for (const [before, after] of pairs) {
    await own.load("flush ruleset\n");
    await run(own, before.tables.map(fullTransaction));
    assert.equal(normalized(await own.list()), normalizedRuleset(before));
    const transactions = after.tables.map((table, i) => changes(before.tables[i], table));
    await run(own, transactions);
    const tables = transactions.map((transaction, i): Table => {
      const { family, name, objects, sets, chains } = perform(before.tables[i], transaction);
      return { family, name, comment, objects, sets, chains };
    });
    assert.equal(normalized(await own.list()), normalizedRuleset({ tables }));
  }
});

inKernel("the kernel takes what the interpreter takes, of tables of anything", async (own) => {
  for (const [before, after] of fc.sample(fc.tuple(anyTable, anyTable), { seed, numRuns: runs(300, 12) })) {
    const text = [fullTransaction(before), changes(before, after)].map(renderTransaction);
    await own.load(`flush ruleset\n${text[0]}`);
    if (text[1] !== "") await own.load(text[1]!);
    const expected = perform(before, changes(before, after));
    assert.equal(normalized(await own.list()), normalizedRuleset({ tables: [expected] }));
  }
});

inKernel("a comment of nothing but trouble comes back from the kernel as it went", async (own) => {
  const text = "'; flush ruleset # \\ } $(x) `y` @z é";
  const rules: readonly Rule[] = [{ statements: [{ kind: "drop" }], comment: text }];
  const sets: readonly NamedSet[] = [
    {
      name: "s",
      key: ["mark"],
      flags: [],
      comment: text,
      elements: [{ key: { kind: "number", value: 1 }, comment: text }],
    },
  ];
  const table: Table = {
    family: "ip",
    name: "t",
    comment: text,
    sets,
    chains: [{ name: "c", comment: text, rules }],
    objects: [],
  };
  await own.load(`flush ruleset\n${renderTransaction(fullTransaction(table))}`);
  assert.equal(normalized(await own.list()), normalizedRuleset({ tables: [table] }));
});

test("dumps were compared", () => {
  if (kernel === undefined) return;
  console.log(`${compared} listings of the kernel compared with recorded ones, ${chosen.length} scenarios`);
  assert.ok(compared >= chosen.length && chosen.length >= sampled.size);
});
