/** The `restore` format against the command lines and the standard input that kube-proxy 1.36 itself wrote. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildModel } from "../../../src/model/build.ts";
import { compileIptables } from "../../../src/modes/iptables/compile.ts";
import { resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import { renderIptables } from "../../../src/modes/iptables/render.ts";
import type { Family } from "../../../src/net/ip.ts";
import { readRecordedConfig } from "../../support/kube-proxy-config.ts";
import { readScenario, scenarioFolders } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

/** What a text or a run of commands says of each chain, in the order in which it says it. */
interface Written {
  /** `table :CHAIN`, in the order of the input. */
  readonly declared: readonly string[];
  /** By `table -A CHAIN` or `table -I CHAIN`: the arguments behind it. */
  readonly rules: Readonly<Record<string, readonly string[]>>;
}

const test = suite("iptables mode, as kube-proxy writes it");
const traceFile = "00-initial.iptables.trace.txt";
const traced = scenarioFolders(inProject("test", "golden", "kube-proxy")).filter((folder) =>
  existsSync(join(folder, "expected", traceFile)),
);

for (const folder of traced) {
  for (const family of [4, 6] as const) {
    test(`the restore text of ${basename(folder)}, IPv${family}, is kube-proxy's, rule by rule`, () => {
      const { nodeName, iptables } = readRecordedConfig(join(folder, "config.yaml"));
      const model = buildModel(readScenario(folder).stages[0]!.snapshot, nodeName);
      const ruleset = compileIptables(model, family, resolveIptablesOptions(iptables));
      const ours = written(renderIptables(ruleset, "restore").split("\n"));
      const theirs = written(linesOf(readFileSync(join(folder, "expected", traceFile), "utf8"), family));
      assert.deepEqual(ours.rules, theirs.rules);
      // kube-proxy makes the chain that it shares with kubelet by a command of its own, where it has no rule in it.
      const shared = family === 6 ? ["filter :KUBE-FIREWALL"] : [];
      assert.deepEqual(new Set(ours.declared), new Set([...theirs.declared, ...shared]));
    });
  }
}

test("the texts of five scenarios were compared", () => {
  assert.equal(traced.length, 5);
});

/** The jumps that kube-proxy puts in place one by one, as lines of a restore text, and then its restore text. */
function linesOf(trace: string, family: Family): readonly string[] {
  const command = family === 4 ? "iptables" : "ip6tables";
  const lines = trace.split("\n");
  const insert = new RegExp(`^\\$ ${command} -w 5 (-I \\S+) -t (\\S+) (.*)$`);
  const jumps = lines
    .map((line) => insert.exec(line))
    .filter((found) => found !== null)
    .flatMap(([, insertion, table, rest]) => [`*${table}`, `${insertion} ${quoteComment(rest!)}`]);
  const start = lines.findIndex((line) => line.startsWith(`$ ${command}-restore `));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("  "));
  // kube-proxy has this one range as text. Where a range is data, one of a single address is that address.
  return [...jumps, ...lines.slice(start + 1, end).map((line) => line.slice(2).replace(" ::1/128 ", " ::1 "))];
}

/** A command line is recorded without the quotes that a restore text needs. */
function quoteComment(args: string): string {
  return args.replace(/--comment (.*) -j/, '--comment "$1" -j');
}

function written(lines: readonly string[]): Written {
  const declared: string[] = [];
  const rules: Record<string, string[]> = {};
  let table = "";
  for (const line of lines) {
    if (line.startsWith("*")) table = line.slice(1);
    else if (line.startsWith(":")) declared.push(`${table} ${line.split(" ")[0]}`);
    else if (line.startsWith("-")) {
      const [verb, chain, ...rest] = line.split(" ");
      (rules[`${table} ${verb} ${chain}`] ??= []).push(rest.join(" "));
    }
  }
  // Services come in a random order in kube-proxy, and this is the one chain that several of them have rules in here.
  rules["nat -A KUBE-SERVICES"]!.sort();
  return { declared, rules };
}
