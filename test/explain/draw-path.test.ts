/** The picture is XML whatever the names in the rules: whoever opens it sees one, or nothing at all. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { drawPath } from "../../src/explain/draw-path.ts";
import { type PacketTrace, tracePacket } from "../../src/explain/trace-packet.ts";
import { assembleNode } from "../../src/explain/assemble-node.ts";
import { parseIptables } from "../../src/modes/iptables/parse.ts";
import { parseIp } from "../../src/net/ip.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("the picture of a path");

const rules = "*nat\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j DNAT --to-destination 10.244.1.1:80\nCOMMIT\n";
const { node } = assembleNode({ addresses: [], iptables: [parseIptables(rules, 4)] });
const plain = tracePacket(node, {
  proto: 6,
  src: parseIp("10.0.0.7"),
  srcPort: 40_000,
  dst: parseIp("10.96.0.1"),
  dstPort: 80,
});

function named(name: string): PacketTrace {
  const outcomes = plain.outcomes.map((outcome) => ({
    ...outcome,
    by: name,
    path: outcome.path.map((step) => ({ ...step, where: name, rule: name, effect: name })),
  }));
  return { ...plain, outcomes };
}

/** Tags that close what they open, no other `<` or `&`, and no character that XML 1.0 does not have. */
function assertWellFormed(svg: string): void {
  assert.doesNotMatch(svg, /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u);
  const open: string[] = [];
  const rest = svg.replaceAll(/<(\/?)([a-z]+)((?: [a-zA-Z-]+="[^"<&]*")*)(\/?)>/g, (_, closes, tag, __, single) => {
    if (closes === "/") assert.equal(open.pop(), tag);
    else if (single !== "/") open.push(tag as string);
    return "";
  });
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>]|&(?!(?:amp|lt|gt);)/);
}

test("a name may hold anything: control characters, markup, halves of characters", () => {
  const names = [
    "a\u0000b",
    "\u001b[31mred",
    "<script>&amp;",
    "\ud800",
    "x\uffff",
    "ok \u{1f600}",
    `${"a".repeat(123)}\u{1f600}tail`,
  ];
  for (const name of names) assertWellFormed(drawPath(named(name)));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.array(fc.integer({ min: 0, max: 0xffff })), (text, units) => {
      assertWellFormed(drawPath(named(text + String.fromCharCode(...units))));
    }),
    { seed, numRuns: runs(2000, 100) },
  );
});

test("what can be shown is shown as it is", () => {
  const svg = drawPath(plain);
  assertWellFormed(svg);
  assert.match(svg, />10\.0\.0\.7:40000 → 10\.96\.0\.1:80</);
  assert.match(svg, />nat\/PREROUTING: -A PREROUTING -p tcp -j DNAT --to-destination 10\.244\.1\.1:80 ⇒ destination/);
  assert.match(svg, />1 {2}forward {2}10\.244\.1\.1:80</);
});
