/** Text that is read and written again is the same text, whoever's rules it holds. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { isSluiceError } from "../../../src/core/errors.ts";
import { parseIptables, parseRule } from "../../../src/modes/iptables/parse.ts";
import { renderIptables, renderRule } from "../../../src/modes/iptables/render.ts";
import type { Chain, IptablesRuleset, Match, Target } from "../../../src/modes/iptables/ruleset.ts";
import type { Family } from "../../../src/net/ip.ts";
import { anyCluster } from "../../model/any-cluster.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { compiled } from "./chains.ts";

const test = suite("iptables text, read");

/** All that a dump says: comment lines say nothing. */
function saying(text: string): string {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join("\n");
}

const familyOf = (file: string): Family => (file.includes("ip6tables") ? 6 : 4);

function dumpsIn(...folder: string[]): readonly string[] {
  const root = inProject("test", ...folder);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith("-save.txt")).map((file) => join(root, file));
}

const folders: readonly (readonly [string, string[], number])[] = [
  ["kube-proxy", ["golden", "kube-proxy"], 386],
  ["kube-proxy's userspace mode", ["golden", "kube-proxy-userspace"], 25],
  ["Online Boutique", ["golden", "clusters"], 6],
  ["other programs", ["modes", "iptables", "dumps"], 5],
];

for (const [whose, folder, atLeast] of folders) {
  test(`every dump of ${whose} is written again as it was`, () => {
    const files = dumpsIn(...folder);
    assert.ok(files.length >= atLeast, `only ${files.length} dumps`);
    for (const file of files) {
      const text = readFileSync(file, "utf8");
      const read = parseIptables(text, familyOf(file), file);
      assert.equal(saying(renderIptables(read, "save")), saying(text), file);
      assert.deepEqual(parseIptables(renderIptables(read, "save"), familyOf(file)), read);
    }
  });
}

const kinds = ({ tables }: IptablesRuleset): readonly (Match | Target)[] =>
  tables.flatMap(({ chains }) =>
    chains.flatMap(({ rules }) =>
      rules.flatMap(({ matches, target }): readonly (Match | Target)[] => (target ? [...matches, target] : matches)),
    ),
  );

test("of kube-proxy's own rules nothing stays text", () => {
  const unread = [...dumpsIn("golden", "kube-proxy"), ...dumpsIn("golden", "kube-proxy-userspace")].flatMap((file) =>
    kinds(parseIptables(readFileSync(file, "utf8"), familyOf(file))).filter(({ kind }) => kind === "unknown"),
  );
  assert.deepEqual(unread, []);
});

test("what has no type stays text, word for word", () => {
  const file = inProject("test", "modes", "iptables", "dumps", "every-option-nft.iptables-save.txt");
  const unread = kinds(parseIptables(readFileSync(file, "utf8"), 4)).flatMap((one) =>
    one.kind === "unknown" ? [one.text] : [],
  );
  assert.ok(unread.includes('-m string --string "-j x" --algo bm'));
  assert.ok(unread.includes("NFQUEUE --queue-num 3"));
  assert.ok(unread.includes("-s 10.0.0.0/255.0.255.0"));
  assert.equal(unread.length, 19);
});

const family = fc.constantFrom(4 as const, 6 as const);
const options = fc.constantFrom({}, { masqueradeAll: true }, { detectLocal: { by: "node-cidr" as const } });

test("whatever the cluster, a compiled ruleset is read back from what it is saved as", () => {
  const property = fc.property(anyCluster, options, family, (objects, given, of) => {
    const ruleset = compiled(objects, given, of);
    const text = renderIptables(ruleset, "save");
    assert.equal(renderIptables(parseIptables(text, of), "save"), text);
  });
  fc.assert(property, { seed, numRuns: runs(1000, 150) });
});

test("whatever the cluster, a compiled ruleset is read back from the restore input, rule by rule", () => {
  const property = fc.property(anyCluster, options, family, (objects, given, of) => {
    const ruleset = compiled(objects, given, of);
    const read = parseIptables(renderIptables(ruleset, "restore"), of);
    // The input does not name a chain of the kernel's own that gets no rule.
    const named = ({ policy, rules }: Chain): boolean => policy === undefined || rules.length > 0;
    assert.deepEqual(
      byName(read, () => true),
      byName(ruleset, named),
    );
  });
  fc.assert(property, { seed, numRuns: runs(1000, 150) });
});

function byName({ tables }: IptablesRuleset, kept: (chain: Chain) => boolean): unknown {
  return tables.map(({ name, chains }) => [
    name,
    Object.fromEntries(chains.filter(kept).map((one) => [one.name, one])),
  ]);
}

/** What a person, a script or an older program may write, and what iptables-save makes of it. */
const spellings: readonly (readonly [written: string, saved: string])[] = [
  ["-p tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"],
  ["-p 6 --destination-port 80 --source-port 1024:", "-p tcp -m tcp --sport 1024:65535 --dport 80"],
  ["-p tcp --syn -m comment --comment -j", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m comment --comment -j"],
  ["-m tcp -p tcp -d 10.0.0.1 --dport 80 ! -s 10.0.0.0/8", "! -s 10.0.0.0/8 -d 10.0.0.1/32 -p tcp -m tcp --dport 80"],
  ["--protocol udp --source 10.1.2.3/255.255.0.0 --jump DROP", "-s 10.1.0.0/16 -p udp -j DROP"],
  ["-p icmp --icmp-type 8", "-p icmp -m icmp --icmp-type 8"],
  ["-j DNAT -p tcp --to-destination 10.0.0.1:80", "-p tcp -j DNAT --to-destination 10.0.0.1:80"],
  ["-p all -j MARK --or-mark 0x4000", "-j MARK --set-xmark 0x4000/0x4000"],
  ["-j MARK --and-mark 0xf", "-j MARK --set-xmark 0x0/0xfffffff0"],
  ["-j MARK --set-mark 0x1/0x3", "-j MARK --set-xmark 0x1/0x3"],
  ["-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"],
  ["-m statistic --mode random --probability 0.3333333333", "-m statistic --mode random --probability 0.33333333349"],
  ["-m recent --name L --set", "-m recent --set --name L --mask 255.255.255.255 --rsource"],
  ["-m foo -p tcp --bar 1", "-p tcp -m foo --bar 1"],
  ["-j FOO -p tcp --bar 1", "-p tcp -j FOO --bar 1"],
  ["-p tcp -m foo ! --bar --dport 80", "-p tcp -m foo ! --bar -m tcp --dport 80"],
  ["-s example.org -j ACCEPT", "-s example.org -j ACCEPT"],
  ["-c 5 600 -j ACCEPT", "-j ACCEPT"],
];

for (const [written, saved] of spellings) {
  test(`is read as iptables reads it: ${written}`, () => {
    assert.equal(renderRule(parseRule(`-A C ${written}`, 4), 4, "save"), saved);
  });
}

const table = (...lines: string[]): string => ["*filter", ":C - [0:0]", ...lines, "COMMIT", ""].join("\n");
const commentsOf = (text: string): unknown =>
  parseIptables(text, 4)
    .tables[0]!.chains.find(({ name }) => name === "C")!
    .rules.map(({ target }) => target?.kind);

test("rules are put where the commands say", () => {
  const text = table("-A C -j ACCEPT", "-I C -j DROP", "-I C -j RETURN", "-I C 2 -j REJECT", "-I C -j TRACE");
  assert.deepEqual(commentsOf(text), ["trace", "return", "reject", "drop", "accept"]);
});

test("counters are kept, however large", () => {
  const text = "*filter\n:INPUT DROP [5:18446744073709551615]\n[7:9] -A INPUT -j ACCEPT\nCOMMIT\n";
  const read = parseIptables(text, 4);
  assert.equal(renderIptables(read, "save"), text);
  const [input] = read.tables[0]!.chains;
  assert.deepEqual(input?.counters, { packets: 5n, bytes: 18446744073709551615n });
  assert.deepEqual(input?.rules[0]?.counters, { packets: 7n, bytes: 9n });
});

test("a name without options is a chain where the table has it, and else what iptables would make of it", () => {
  const read = parseIptables(table(":NFQUEUE - [0:0]", "-A C -j NFQUEUE", "-A C -j TTL", "-A C -j ELSEWHERE"), 4);
  assert.deepEqual(
    read.tables[0]!.chains[0]!.rules.map(({ target }) => target),
    [
      { kind: "jump", chain: "NFQUEUE" },
      { kind: "unknown", text: "TTL" },
      { kind: "jump", chain: "ELSEWHERE" },
    ],
  );
});

test("a table that comes twice is one", () => {
  const read = parseIptables(`${table("-A C -j ACCEPT")}${table("-A C -j DROP")}`, 4);
  assert.equal(read.tables.length, 1);
  assert.equal(read.tables[0]!.chains[0]!.rules.length, 2);
});

test("Windows' line ends and blanks at the end are no part of a rule", () => {
  const text = table("-A C -j ACCEPT").replaceAll("\n", " \r\n");
  assert.deepEqual(commentsOf(text), ["accept"]);
});

/** What is wrong, and where: line, column, what was expected. */
const wrong: readonly (readonly [text: string, line: number, column: number, expected: RegExp])[] = [
  [":C - [0:0]\n", 1, 1, /table/],
  ["*broute\n", 1, 1, /raw, mangle, nat, filter, security/],
  ["*filter\n*nat\nCOMMIT\n", 2, 1, /COMMIT/],
  ["*filter\n:C - [0:0]\n", 3, 1, /COMMIT/],
  [table(":D REJECT"), 3, 4, /policy/],
  [table(":D - [0:x]"), 3, 6, /counters/],
  [table(":D"), 3, 3, /policy/],
  [table("-D C -j ACCEPT"), 3, 1, /added/],
  [table("hello"), 3, 1, /added/],
  [table("-A D -j ACCEPT"), 3, 4, /chain that table filter has/],
  [table("-A"), 3, 3, /chain/],
  [table("-I C 2 -j ACCEPT"), 3, 6, /number/],
  [table("[1:] -A C"), 3, 1, /counters/],
  [table("-A C -s 10.0.0.300 -j ACCEPT"), 3, 9, /IPv4/],
  [table("-A C -s 10.0.0.0/33"), 3, 9, /IPv4/],
  [table("-A C -d fd00::1"), 3, 9, /IPv4/],
  [table("-A C -d"), 3, 8, /IPv4/],
  [table('-A C -m comment --comment "a'), 3, 1, /quote/],
  [table("-A C -j MARK \0--set-xmark 0x4000"), 3, 14, /control character/],
  [table("-A C -m"), 3, 8, /match/],
  [table("-A C --dport 80"), 3, 6, /option/],
  [table("-A C -j ACCEPT -j DROP"), 3, 16, /one target/],
  [table("-A C ! -j ACCEPT"), 3, 8, /turned round/],
  [table("-A C !"), 3, 7, /behind !/],
  [table("-A C -c 1 x"), 3, 11, /packets/],
  [table("-A C ! -p all"), 3, 11, /protocol/],
  [table("-A C -i -j ACCEPT"), 3, 9, /interface/],
];

for (const [text, line, column, expected] of wrong) {
  test(`refused at ${line}:${column}: ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.throws(
      () => parseIptables(text, 4, "dump.txt"),
      (error) => {
        if (!isSluiceError(error, "INPUT_INVALID")) return false;
        assert.deepEqual([error.details.line, error.details.column], [line, column], error.message);
        assert.match(error.details.expected, expected);
        return error.message.startsWith(`dump.txt:${line}:${column}: `);
      },
    );
  });
}

const sources = dumpsIn("modes", "iptables", "dumps").map((file) => readFileSync(file, "utf8").split("\n"));
const piece = fc.constantFrom(
  '"',
  "\\",
  "!",
  "-j",
  "-m",
  " ",
  "\t",
  "--",
  "[",
  "COMMIT",
  "*nat",
  "-s",
  "99999999999",
  "é",
);
const cut = fc.record({ line: fc.nat(400), column: fc.nat(120), remove: fc.nat(12), insert: piece });

test("no text makes it fail in any other way, or be written otherwise than it is read", () => {
  const property = fc.property(fc.nat(sources.length - 1), fc.array(cut, { maxLength: 4 }), (source, cuts) => {
    const mutated = [...sources[source]!];
    for (const { line, column, remove, insert } of cuts) {
      const at = line % mutated.length;
      const text = mutated[at]!;
      mutated[at] = text.slice(0, column) + insert + text.slice(column + remove);
    }
    const read = attempt(mutated.join("\n"));
    if (read === undefined) return;
    const text = renderIptables(read, "save");
    assert.equal(renderIptables(parseIptables(text, 4), "save"), text);
  });
  fc.assert(property, { seed, numRuns: runs(5000, 400) });
});

test("nor does any line at all", () => {
  const property = fc.property(fc.string({ unit: "binary", maxLength: 60 }), (line) => {
    attempt(`*filter\n:C - [0:0]\n-A C ${line}\nCOMMIT\n`);
  });
  fc.assert(property, { seed, numRuns: runs(20_000, 3000) });
});

function attempt(text: string): IptablesRuleset | undefined {
  try {
    return parseIptables(text, 4);
  } catch (error) {
    assert.ok(isSluiceError(error, "INPUT_INVALID"), String(error));
    return undefined;
  }
}
