/** What a change of the rules comes to, before any kernel sees it. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { committedBefore, refusedLine } from "../../../src/dataplane/kernel/refused-line.ts";
import { changesBetween } from "../../../src/modes/iptables/changes.ts";
import { parseIptables } from "../../../src/modes/iptables/parse.ts";
import { renderChanges } from "../../../src/modes/iptables/render-changes.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import type { IptablesRuleset } from "../../../src/modes/iptables/ruleset.ts";
import { anyCluster } from "../../model/any-cluster.ts";
import { compiled } from "../../modes/iptables/chains.ts";
import { node, service, slice } from "../../support/objects.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("iptables: changes");

/** Does to a table's chains what `iptables-restore --noflush` does: a stand-in for the kernel. */
function fed(before: IptablesRuleset, text: string): string {
  const tables = new Map(
    before.tables.map((table) => [table.name, new Map(table.chains.map((one) => [one.name, one]))]),
  );
  // Only additions can be read; what goes is taken away here.
  const added = parseIptables(text.replace(/^-X .*\n/gm, ""), before.family);
  for (const { name, chains } of added.tables) for (const chain of chains) tables.get(name)!.set(chain.name, chain);
  let table = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    if (line.startsWith("-X ")) tables.get(table as "nat")!.delete(line.slice(3));
  }
  const after = Array.from(tables, ([name, chains]) => ({ name, chains: [...chains.values()] }));
  return renderIptables({ family: before.family, tables: after }, "save");
}

test("the changes between any two clusters lead from one's rules to the other's", () => {
  const family = fc.constantFrom(4 as const, 6 as const);
  const property = fc.property(anyCluster, anyCluster, family, (one, other, of) => {
    const [from, to] = [compiled(one, {}, of), compiled(other, {}, of)];
    const text = renderChanges(changesBetween(from, to), of);
    assert.equal(fed(from, text), renderIptables(to, "save"));
    assert.deepEqual(changesBetween(to, compiled(other, {}, of)), []);
  });
  fc.assert(property, { seed, numRuns: runs(1000, 150) });
});

test("the chain that is kubelet's too is not touched while we have no rule in it", () => {
  const idle = [node(), service()];
  const [from, to] = [idle, [...idle, slice({ endpoints: ["10.0.0.1"] })]].map((objects) =>
    compiled(objects, { localhostNodePorts: false }),
  );
  const text = renderChanges(changesBetween(from!, to!), 4);
  assert.match(text, /^:KUBE-SVC-/m);
  assert.doesNotMatch(text, /KUBE-FIREWALL/);
});

test("chains are declared by name, and the other way round for who finds the last one first", () => {
  const to = compiled([node(), service(), slice({ endpoints: ["10.0.0.1", "10.0.0.2"] })], {});
  const changes = changesBetween({ ...to, tables: [] }, to).filter(({ name }) => name === "nat");
  const declared = (...order: ["descending"?]): readonly string[] =>
    renderChanges(changes, 4, ...order).match(/^:\S+/gm) ?? [];
  assert.ok(declared().length > 5);
  assert.deepEqual(declared(), declared().toSorted());
  assert.deepEqual(declared("descending"), declared().toReversed());
  assert.deepEqual(renderChanges(changes, 4, "descending").match(/^-.*/gm), renderChanges(changes, 4).match(/^-.*/gm));
});

const input = "*filter\n:A - [0:0]\n-A A -j B\nCOMMIT\n*nat\n:C - [0:0]\n-A C -j D\nCOMMIT\n";

for (const [stderr, number, text, committed] of [
  [
    "iptables-restore v1.8.9 (nf_tables): Chain 'B' does not exist\nError occurred at line: 3\nTry …",
    3,
    "-A A -j B",
    "",
  ],
  ["iptables-restore v1.8.9 (nf_tables): \nline 7: RULE_APPEND failed (No such file)", 7, "-A C -j D", "filter"],
  ["iptables-restore: line 8 failed", 8, "COMMIT", "filter"],
] as const) {
  test(`the refused line is found in: ${stderr.split("\n").at(-2) ?? stderr}`, () => {
    const line = refusedLine(stderr, input)!;
    assert.deepEqual(line, { number, text });
    assert.equal([...committedBefore(line, input)].join(), committed);
  });
}

test("a complaint without a line, or with one that is not there, names none", () => {
  assert.equal(refusedLine("Another app is currently holding the xtables lock; still 5s", input), undefined);
  assert.equal(refusedLine("line 99 failed", input), undefined);
});
