/** Transactions against those that kube-proxy 1.36 itself wrote. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { changes } from "../../../src/modes/nftables/changes.ts";
import { renderTransaction } from "../../../src/modes/nftables/render-commands.ts";
import type { Table } from "../../../src/modes/nftables/ruleset.ts";
import { scenarioFolders } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { stagesOf } from "./stages.ts";

const test = suite("nftables mode, as kube-proxy writes it");
const suffix = ".nftables.trace.txt";
const traced = scenarioFolders(inProject("test", "golden", "kube-proxy")).filter((folder) =>
  readdirSync(join(folder, "expected")).some((file) => file.endsWith(suffix)),
);
let compared = 0;

for (const folder of traced) {
  test(`the commands of ${basename(folder)} are kube-proxy's`, () => {
    let before: readonly Table[] | undefined;
    for (const { name, ruleset } of stagesOf(folder)) {
      const trace = readFileSync(join(folder, "expected", name + suffix), "utf8");
      for (const [i, table] of ruleset.tables.entries()) {
        const ours = renderTransaction(changes(before?.[i], table))
          .split("\n")
          .filter((line) => line !== "");
        const theirs = commandsIn(trace, `${table.family} kube-proxy`);
        if (before === undefined) assertSameStart(ours, theirs);
        else assertSameChange(ours, theirs);
        compared += 1;
      }
      before = ruleset.tables;
    }
  });
}

test("every recorded transaction was compared", () => {
  console.log(`${compared} transactions compared`);
  // Ten stages, two families; an untouched family has an empty transaction.
  assert.equal(compared, 20);
});

/** A fresh table: all commands but those that are for a table that might be there already. */
function assertSameStart(ours: readonly string[], theirs: readonly string[]): void {
  const needed = theirs.filter((line, index) => {
    const isAgain = line.startsWith("add chain") && theirs.indexOf(line) !== index;
    const isBareBase = /^add chain \S+ \S+ (filter|nat)-\S+$/.test(line);
    return !isAgain && !isBareBase && !/^(delete chain|flush)/.test(line);
  });
  assert.deepEqual(sortedByChain(ours), sortedByChain(needed));
}

/** kube-proxy writes all chains of a service anew when any of them changes; here only those that do are. */
function assertSameChange(ours: readonly string[], theirs: readonly string[]): void {
  assert.deepEqual(
    ours.filter((line) => !theirs.includes(line)),
    [],
  );
  const more = theirs.filter((line) => !ours.includes(line));
  assert.deepEqual(
    more.filter((line) => !/^(add chain|flush chain|add rule)/.test(line)),
    [],
  );
}

/** Rules in their order, chain by chain; all else by name. */
function sortedByChain(lines: readonly string[]): readonly string[] {
  const key = (line: string): string => (line.startsWith("add rule") ? line.split(" ").slice(0, 5).join(" ") : line);
  return lines.toSorted((a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b))));
}

function commandsIn(trace: string, table: string): readonly string[] {
  const lines = trace
    .split("\n")
    .filter((line) => line.startsWith("  "))
    .map((line) => line.slice(2));
  return lines.filter(
    (line) =>
      / (table|chain|set|map|rule|element) /.test(line) && line.includes(`${table} `) && !line.includes('"test"'),
  );
}
