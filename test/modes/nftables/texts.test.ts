/** No text of a cluster or a foreign host may come out of its place in a command. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { isSluiceError } from "../../../src/core/errors.ts";
import { changes } from "../../../src/modes/nftables/changes.ts";
import { renderTransaction } from "../../../src/modes/nftables/render-commands.ts";
import { renderNftables } from "../../../src/modes/nftables/render.ts";
import type { Expression, NamedSet, Rule, Statement, Table } from "../../../src/modes/nftables/ruleset.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("texts inside nftables commands");

/** Texts that try to get out: what commands are made of, cut and joined, and anything at all. */
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "'",
        "\\",
        " ",
        "\n",
        "\r",
        "\t",
        "\0",
        ";",
        "{",
        "}",
        "#",
        "@",
        "$x",
        "flush ruleset",
        "x",
        "é",
        "\u2028",
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join("")),
  fc.stringMatching(/^[\w.:/-]{1,15}$/),
);

const empty: Table = { family: "ip", name: "t", sets: [], chains: [], objects: [] };
const ofRule = (rule: Rule): Table => ({ ...empty, chains: [{ name: "c", rules: [rule] }] });
const ofStatement = (statement: Statement): Table => ofRule({ statements: [statement] });
const ofSet = (set: Partial<NamedSet>): Table => ({
  ...empty,
  sets: [{ name: "s", key: ["mark"], flags: [], elements: [], ...set }],
});
const ofValue = (right: Expression, key = "l4proto"): Table =>
  ofStatement({ kind: "match", operator: "==", left: { kind: "meta", key }, right });

/** Where a text stands as a word, and where in quotes. */
const words: readonly ((text: string) => Table)[] = [
  (name) => ({ ...empty, name }),
  (name) => ({ ...empty, chains: [{ name, rules: [{ statements: [{ kind: "drop" }] }] }] }),
  (name) => ofSet({ name }),
  (type) => ofSet({ key: [type] }),
  (flag) => ofSet({ flags: [flag] }),
  (chain) => ofStatement({ kind: "goto", chain }),
  (chain) =>
    ofSet({ data: ["verdict"], elements: [{ key: { kind: "number", value: 1 }, data: { kind: "jump", chain } }] }),
  (set) => ofStatement({ kind: "vmap", key: { kind: "meta", key: "l4proto" }, data: { kind: "set-reference", set } }),
  (set) =>
    ofStatement({ kind: "set-update", operation: "add", set, element: { key: { kind: "meta", key: "l4proto" } } }),
  (text) => ofValue({ kind: "text", text }),
  (key) => ofValue({ kind: "number", value: 1 }, key),
  (field) =>
    ofStatement({
      kind: "vmap",
      key: { kind: "payload", protocol: "ip", field },
      data: { kind: "set-reference", set: "s" },
    }),
  (type) => ofStatement({ kind: "reject", type }),
  (flag) => ofStatement({ kind: "masquerade", flags: [flag] }),
  (per) => ofStatement({ kind: "limit", rate: 1, per }),
];
const quoted: readonly ((text: string) => Table)[] = [
  (comment) => ({ ...empty, comment }),
  (comment) => ({ ...empty, chains: [{ name: "c", comment, rules: [] }] }),
  (comment) => ofSet({ comment }),
  (comment) => ofSet({ elements: [{ key: { kind: "number", value: 1 }, comment }] }),
  (comment) => ofRule({ statements: [{ kind: "drop" }], comment }),
  (counter) => ofStatement({ kind: "counter-reference", counter }),
  (prefix) => ofStatement({ kind: "log", options: { prefix } }),
  (text) => ofValue({ kind: "text", text }, "iifname"),
];

/** The commands, or undefined if they were refused. */
function textOf(table: Table): string | undefined {
  try {
    return renderTransaction(changes(undefined, table));
  } catch (error) {
    if (isSluiceError(error, "RULE_TEXT_INVALID")) return undefined;
    throw error;
  }
}

test("a word is refused or stands as one word, wherever it is", () => {
  let written = 0;
  const property = fc.property(hostile, fc.constantFrom(...words), (text, place) => {
    // The kernel knows no key by more than one word; a list of them would be split.
    const rendered = textOf(place(text));
    if (rendered === undefined) return;
    written += 1;
    assert.equal(rendered, textOf(place("NAME"))!.replaceAll("NAME", text));
    for (const part of text.split(" ")) assert.match(part, /^[\w.:][\w.:/*-]*$/);
  });
  fc.assert(property, { seed, numRuns: runs(50_000, 4000) });
  assert.ok(written > 100, `${written} written`);
});

test("a comment is refused or stands whole between its quotes, wherever it is", () => {
  let written = 0;
  let refused = 0;
  const property = fc.property(hostile, fc.constantFrom(...quoted), (text, place) => {
    const rendered = textOf(place(text));
    if (rendered === undefined) {
      refused += 1;
      return;
    }
    written += 1;
    assert.equal(
      rendered,
      textOf(place("COMMENT"))!.replaceAll("COMMENT", () => text),
    );
    assert.ok(rendered.includes(`"${text}"`));
    assert.ok(!/["\p{Cc}]/u.test(text), JSON.stringify(text));
  });
  fc.assert(property, { seed, numRuns: runs(50_000, 4000) });
  assert.ok(written > 100 && refused > 100, `${written} written, ${refused} refused`);
});

test("the error names the place and shows the text without its control characters", () => {
  assert.throws(
    () =>
      renderNftables({ tables: [ofRule({ statements: [{ kind: "drop" }], comment: "a\nflush ruleset" })] }, "written"),
    (error) =>
      isSluiceError(error, "RULE_TEXT_INVALID") &&
      error.details.path === "comment" &&
      error.details.received === String.raw`"a\nflush ruleset"`,
  );
});

test("a listing refuses nothing: what nft could not take is shown as JSON has it", () => {
  const shown = renderNftables(
    { tables: [ofRule({ statements: [{ kind: "goto", chain: "a b" }], comment: 'say "x"\n' })] },
    "listed",
  );
  assert.ok(shown.includes(String.raw`goto "a b" comment "say \"x\"\n"`), shown);
});
