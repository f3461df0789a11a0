import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { isSluiceError } from "../../../src/core/errors.ts";
import { parseNftables } from "../../../src/modes/nftables/parse.ts";
import type { NftablesRuleset, Statement } from "../../../src/modes/nftables/ruleset.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { anyCompiled } from "./any-ruleset.ts";
import { toJson } from "./to-json.ts";

const test = suite("reading nft's JSON");
const table = { table: { family: "ip", name: "t", handle: 1 } };
const chain = { chain: { family: "ip", table: "t", name: "c", handle: 2 } };
const parse = (...objects: readonly unknown[]): NftablesRuleset =>
  parseNftables(JSON.stringify({ nftables: [{ metainfo: { version: "1.1.3" } }, ...objects] }), "host.json");
const rule = (...expr: readonly unknown[]) => ({ rule: { family: "ip", table: "t", chain: "c", handle: 3, expr } });
const statements = (...expr: readonly unknown[]): readonly Statement[] =>
  parse(table, chain, rule(...expr)).tables[0]!.chains[0]!.rules[0]!.statements;

/** What is wrong, where, and what was expected. */
const wrong: readonly (readonly [text: string, field: string, expected: string])[] = [
  ["", "", "a value"],
  ["[]", "the text", "an object"],
  ['{"nftables":{}}', ".nftables", "a list"],
  ['{"nftables":[1]}', "nftables[0]", "an object"],
  ['{"nftables":[{"table":1}]}', "nftables[0].table", "an object"],
  ['{"nftables":[{"a":1,"b":2}]}', "nftables[0]", "one object"],
  ...(
    [
      [
        [{ table: { family: "ipx", name: "t" } }],
        "nftables[1].table.family",
        "one of ip, ip6, inet, arp, bridge, netdev",
      ],
      [[{ table: { family: "ip" } }], "nftables[1].table.name", "a text"],
      [[chain], "nftables[1].chain.table", "a table that is listed before"],
      [[table, rule()], "nftables[2].rule.chain", "a chain that is listed before"],
      [[table, chain, rule("drop")], "nftables[3].rule.expr[0]", "a statement"],
      [[table, chain, rule({ jump: {} })], "nftables[3].rule.expr[0].jump", "a target"],
      [
        [table, chain, rule({ vmap: { key: 1, data: { set: [[1, { goto: null }]] } } })],
        "nftables[3].rule.expr[0].vmap.data.set[0][1].goto",
        "a target",
      ],
      [
        [table, chain, rule({ vmap: { key: 1, data: { set: 5 } } })],
        "nftables[3].rule.expr[0].vmap.data.set",
        "a list",
      ],
      [[table, { set: { family: "ip", table: "t", name: "s", type: [1] } }], "nftables[2].set.type", "texts"],
      [
        [table, { set: { family: "ip", table: "t", name: "s", type: "mark", elem: {} } }],
        "nftables[2].set.elem",
        "a list",
      ],
      [
        [table, { set: { family: "ip", table: "t", name: "s", type: "mark", timeout: "1h" } }],
        "nftables[2].set.timeout",
        "a number",
      ],
      [
        [table, { map: { family: "ip", table: "t", name: "s", type: "mark", map: "mark", elem: [[1, 2, 3]] } }],
        "nftables[2].map.elem[0]",
        "a key and a value",
      ],
      [
        [table, { chain: { family: "ip", table: "t", name: "c", hook: "input" } }],
        "nftables[2].chain.prio",
        "a number",
      ],
    ] as const
  ).map(([objects, field, expected]) => {
    return [JSON.stringify({ nftables: [{ metainfo: {} }, ...objects] }), field, expected] as const;
  }),
];

test("what is wrong is told with its place", () => {
  for (const [text, field, expected] of wrong) {
    assert.throws(
      () => parseNftables(text, "host.json"),
      (error) => {
        assert.ok(isSluiceError(error, "INPUT_INVALID"), String(error));
        assert.deepEqual(
          [error.details.file, error.details.field, error.details.expected],
          ["host.json", field, expected],
        );
        // All on one line: the column tells the offset.
        assert.equal(error.details.line, 1);
        const rest = text.slice(error.details.column! - 1);
        assert.ok(text === "" || error.details.column! > 1 || field === "the text", `${field}: ${rest}`);
        const isThere = error.details.received !== "nothing" && !error.details.received.startsWith("the end");
        if (isThere) assert.ok(rest.startsWith(error.details.received), `${field}: ${rest}`);
        return true;
      },
      text,
    );
  }
});

test("what is not known is kept as it came, and what is around it is read", () => {
  const strange = { tunnel: { key: "id" } };
  assert.deepEqual(statements({ match: { op: "==", left: strange, right: 1 } }, { accept: null }), [
    { kind: "match", operator: "==", left: { kind: "unknown", json: strange }, right: { kind: "number", value: 1 } },
    { kind: "accept" },
  ]);
  for (const json of [
    { fwd: { dev: "eth0" } },
    { xt: { type: "target", name: "LOG" } },
    { match: { op: "~", left: 1, right: 2 } },
    { match: { op: "==", left: 1, right: 2, more: 3 } },
    { dnat: { addr: "10.0.0.1", type_flags: ["interval"] } },
    { counter: { packets: "many" } },
    { limit: { rate: 1 } },
    { accept: { really: true } },
    { a: 1, b: 2 },
  ]) {
    assert.deepEqual(statements(json), [{ kind: "unknown", json }]);
  }
});

test("members that are not known stay with what they belong to", () => {
  const ruleset = parse(
    { table: { family: "netdev", name: "t", handle: 1, owner: 7 } },
    {
      chain: {
        family: "netdev",
        table: "t",
        name: "c",
        type: "filter",
        hook: "ingress",
        prio: 0,
        dev: ["a", "b"],
        odd: 1,
      },
    },
    { set: { family: "netdev", table: "t", name: "s", type: { typeof: { meta: { key: "mark" } } }, policy: "memory" } },
    { rule: { family: "netdev", table: "t", chain: "c", index: 4, expr: [] } },
    { "ct helper": { family: "netdev", table: "t", name: "h", handle: 9, type: "ftp", protocol: "tcp" } },
  );
  const [only] = ruleset.tables;
  assert.deepEqual(only!.others, { owner: 7 });
  assert.deepEqual(only!.chains[0]!.base!.devices, ["a", "b"]);
  assert.deepEqual(only!.chains[0]!.others, { odd: 1 });
  assert.deepEqual(only!.chains[0]!.rules[0]!.others, { index: 4 });
  assert.deepEqual(only!.sets[0]!.key, []);
  assert.deepEqual(only!.sets[0]!.others, { type: { typeof: { meta: { key: "mark" } } }, policy: "memory" });
  assert.deepEqual(only!.objects, [{ type: "ct helper", name: "h", members: { type: "ftp", protocol: "tcp" } }]);
});

test("newer nft writes a list of one as that one, and the types of a map's values as a list", () => {
  const newer = parse(
    table,
    { set: { family: "ip", table: "t", name: "s", type: "ipv4_addr", flags: "interval" } },
    { map: { family: "ip", table: "t", name: "m", type: ["mark"], map: ["ipv4_addr", "inet_service"] } },
  ).tables[0]!.sets;
  assert.deepEqual(newer, [
    { name: "s", key: ["ipv4_addr"], flags: ["interval"], elements: [] },
    { name: "m", key: ["mark"], data: ["ipv4_addr", "inet_service"], flags: [], elements: [] },
  ]);
});

test("an interface that is called like an address is none", () => {
  const right = { kind: "text", text: "10.0.0.1" };
  const left = { meta: { key: "iifname" } };
  const [match] = statements({ match: { op: "==", left, right: "10.0.0.1" } });
  assert.deepEqual(match!.kind === "match" && match.right, right);
  const [sets] = [
    parse(table, {
      set: {
        family: "ip",
        table: "t",
        name: "s",
        type: ["ifname", "ipv4_addr"],
        elem: [{ concat: ["10.0.0.1", "10.0.0.1"] }],
      },
    }),
  ];
  assert.deepEqual(sets.tables[0]!.sets[0]!.elements, [
    { key: { kind: "concat", parts: [right, { kind: "ip", ip: 0x0a000001 }] } },
  ]);
});

test("addresses are read as what they are, and only as nft writes them", () => {
  const read = (text: string) => {
    const [match] = statements({
      match: { op: "==", left: { payload: { protocol: "ip6", field: "saddr" } }, right: text },
    });
    return match!.kind === "match" ? match.right : undefined;
  };
  assert.deepEqual(read("::ffff:1.2.3.4"), { kind: "ip", ip: { w0: 0, w1: 0, w2: 0xffff, w3: 0x01020304 } });
  assert.deepEqual(read("::1.2.3.4"), { kind: "ip", ip: { w0: 0, w1: 0, w2: 0, w3: 0x01020304 } });
  assert.deepEqual(read("::1"), { kind: "ip", ip: { w0: 0, w1: 0, w2: 0, w3: 1 } });
  for (const text of ["010.0.0.1", "FD00::1", "::ffff:102:304", "fd00::0", "tcp"]) {
    assert.deepEqual(read(text), { kind: "text", text });
  }
  const prefix = { prefix: { addr: "10.0.0.1", len: 8 } };
  const [match] = statements({
    match: { op: "==", left: { payload: { protocol: "ip", field: "saddr" } }, right: prefix },
  });
  assert.deepEqual(match!.kind === "match" && match.right, { kind: "unknown", json: prefix });
});

test("what the compiler makes comes back from JSON as it went", () => {
  const property = fc.property(anyCompiled, (ruleset) => {
    const back = parseNftables(JSON.stringify({ nftables: toJson(ruleset) }), "made");
    assert.deepEqual(back, structuredClone(ruleset));
  });
  fc.assert(property, { seed, numRuns: runs(2000, 150) });
});

test("a dump that was damaged anywhere is read, or refused with a place, and never else", () => {
  const folder = inProject("test", "golden", "kube-proxy", "218-everything-etp-local-no-local", "expected");
  const text = gunzipSync(readFileSync(`${folder}/00-initial.nftables.nft.json.gz`)).toString();
  const places = [...text.matchAll(/(?<=[:[,])(?:"[^"]*"|\d+|null|\[|\{)/g)].map(({ index, 0: value }) => ({
    index,
    value,
  }));
  const tokens = fc.constantFrom("null", "1", '"x"', "{}", "[]", "true", '"10.0.0.1"', '"@s"');
  let read = 0;
  const property = fc.property(fc.constantFrom(...places), tokens, ({ index, value }, token) => {
    const isBracket = value === "[" || value === "{";
    const damaged = text.slice(0, index) + (isBracket ? `${token},${value}` : token) + text.slice(index + value.length);
    try {
      parseNftables(damaged, "damaged");
      read += 1;
    } catch (error) {
      assert.ok(isSluiceError(error, "INPUT_INVALID"), String(error));
      const { line, column } = error.details;
      assert.ok(line !== undefined && error.message.startsWith(`damaged:${line}:${column}: `), error.message);
    }
  });
  fc.assert(property, { seed, numRuns: runs(5000, 400) });
  assert.ok(read > 50, `${read} read`);
});
