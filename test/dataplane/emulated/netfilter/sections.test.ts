/** Rules that are looked up decide as those that are gone through, and as many are counted as passed. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { explore } from "../../../../src/dataplane/emulated/netfilter/choices.ts";
import { buildSections, candidates } from "../../../../src/dataplane/emulated/netfilter/iptables/sections.ts";
import { assembleNode } from "../../../../src/explain/assemble-node.ts";
import { parseIptables, parseRule } from "../../../../src/modes/iptables/parse.ts";
import { parseIp } from "../../../../src/net/ip.ts";
import { runs, seed } from "../../../support/seed.ts";
import { suite } from "../../../support/suite.ts";

const test = suite("rules that are looked up");

const condition = fc.constantFrom(
  "-d 10.0.0.1/32",
  "-d 10.0.0.2/32",
  "-d 10.0.0.3/32",
  "! -d 10.0.0.1/32",
  "-p tcp -m tcp --dport 80",
  "-p tcp -m tcp --dport 81",
  "-d 10.0.0.0/24",
  "-d 10.0.0.1/32 -m statistic --mode random --probability 0.50000000000",
);
const target = fc.constantFrom(
  "-j A",
  "-j B",
  "-g A",
  "-j RETURN",
  "-j ACCEPT",
  "-j DROP",
  "",
  "-j MARK --set-xmark 0x1",
);
const rulesOf = (chain: string, targets: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc
    .array(fc.tuple(condition, targets), { maxLength: 40 })
    .map((rules) => rules.map(([when, what]) => `-A ${chain} ${when} ${what}`));
const plain = fc.constantFrom("-j RETURN", "-j ACCEPT", "-j DROP", "", "");
const ruleset = fc
  .tuple(rulesOf("FORWARD", target), rulesOf("A", plain), rulesOf("B", plain))
  .map((rules) => `*mangle\n:FORWARD ACCEPT\n:A -\n:B -\n${rules.flat().join("\n")}\nCOMMIT\n`);

test("a packet ends alike and passes as many rules, whether rules are looked up or gone through", () => {
  fc.assert(
    fc.property(
      ruleset,
      fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.9"),
      fc.constantFrom(80, 81, 82),
      (text, to, dstPort) => {
        const { node } = assembleNode({ iptables: [parseIptables(text, 4)], addresses: [] });
        const head = { proto: 6, src: parseIp("10.9.9.9"), srcPort: 1, dst: parseIp(to), dstPort };
        const ends = (showsAll: boolean) =>
          explore((choices) => {
            const { walk, arrival } = node.walk(head, "eth0", choices, showsAll);
            return {
              arrival,
              passed: walk.passed,
              mark: walk.packet.mark,
              matched: walk.steps.filter(({ matched }) => matched).map(({ rule }) => rule()),
            };
          }).branches.map(({ end }) => end);
        assert.deepEqual(ends(false), ends(true));
      },
    ),
    { seed, numRuns: runs(5000, 300) },
  );
});

test("runs of one destination each, and of ports, are found by it; all others are gone through", () => {
  const byDst = Array.from({ length: 10 }, (_, at) => `-d 0.0.0.${at === 9 ? 3 : at + 1}/32`);
  const byPort = Array.from({ length: 9 }, (_, at) => `-p tcp -m tcp --dport ${80 + at}`);
  // What draws before it looks at the port is asked whatever the port.
  const draws = "-p tcp -m statistic --mode random --probability 0.50000000000 -m tcp --dport 84";
  const others = [draws, "! -d 0.0.0.3/32", "-d 0.0.0.0/24", "-d 0.0.0.5/32"];
  const rules = ["-i eth0", ...byDst, ...byPort, ...others].map((when) => parseRule(`-A FORWARD ${when} -j DROP`, 4));
  const sections = buildSections(rules);
  assert.deepEqual(
    sections.map(({ start, end, by }) => [start, end, by]),
    [
      [0, 1, undefined],
      [1, 11, "destination"],
      [11, 20, "port"],
      [20, 24, undefined],
    ],
  );
  const packet = { dst: parseIp("0.0.0.3"), dstPort: 84 };
  // From some number of asks on a map answers.
  for (let ask = 0; ask < 40; ask += 1) {
    assert.deepEqual(
      sections.map((section) => candidates(section, packet)),
      [undefined, [3, 10], [15], undefined],
    );
  }
});
