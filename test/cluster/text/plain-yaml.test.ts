import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { tryReadPlainYaml } from "../../../src/cluster/text/plain-yaml.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { damaged } from "../mutations.ts";
import { boutiqueYaml, recordedFiles, smallTexts } from "../sample-texts.ts";

const test = suite("plain YAML", { timeoutMs: 120_000 });

/** What the YAML library reads: the one document's value, null for none; undefined where it sees an error. */
function byLibrary(text: string): unknown {
  const documents = parseAllDocuments(text, { prettyErrors: false, logLevel: "error" });
  if (!Array.isArray(documents) || documents.length === 0) return null;
  const [document] = documents;
  if (documents.length > 1 || document!.errors.length > 0) return undefined;
  return document!.toJS();
}

test("kubectl's output and recorded objects are plain, and read as the library reads them", () => {
  const documents = [boutiqueYaml, ...recordedFiles].flatMap((file) => readFileSync(file, "utf8").split(/^(?=---)/m));
  assert.ok(documents.length > 500);
  for (const text of documents) {
    const value = tryReadPlainYaml(text);
    assert.notEqual(value, undefined, text);
    assert.deepEqual(value, byLibrary(text));
  }
});

const plain: readonly (readonly [text: string, value: unknown])[] = [
  ["", null],
  ["# nothing\n\n  # more\n", null],
  ["---\na: 1\n", { a: 1 }],
  ["a:\nb: null\nc: 'x: y'\nd: \"\"\n", { a: null, b: null, c: "x: y", d: "" }],
  ["a:\n- 1\n-  b: true\n   c: {}\n- []\nd: x\n", { a: [1, { b: true, c: {} }, []], d: "x" }],
  ["  a:\n      b: 10.0.0.1\n      c: a:b#c, [d] {e}\n", { a: { b: "10.0.0.1", c: "a:b#c, [d] {e}" } }],
  ["a: |\n  x: 1\n   - y\nb: |-\n  z\n", { a: "x: 1\n - y\n", b: "z" }],
  ["a: 'b''c'\nd: \"e\\n\\u00e9\\ud83d\\ude00\\\"\\\\\"\n", { a: "b'c", d: 'e\né😀"\\' }],
  ["a: # b\n  c: 'd # e' # f\n  g: h#i #j\nk: | # l\n  m # n\n", { a: { c: "d # e", g: "h#i" }, k: "m # n\n" }],
  ['f:a:\n  .: {}\n  k:{"b":1,"c":"d"}: x\n', { "f:a": { ".": {}, 'k:{"b":1,"c":"d"}': "x" } }],
];
for (const [text, value] of plain) {
  test(`${JSON.stringify(text)} is plain`, () => {
    assert.deepEqual(tryReadPlainYaml(text), value);
    assert.deepEqual(byLibrary(text), value);
  });
}

/** What is left to the YAML library, be it unusual or no YAML at all. */
const unusual: Readonly<Record<string, readonly string[]>> = {
  "anchors, aliases, tags and merge keys": ["a: &x 1", "a: *x", "a: !!str 1", "<<: {a: 1}"],
  "flow collections": ["a: {b: 1}", "a: [1]", "[]", "{}"],
  "keys that are not plain, or no text": [
    '"a": 1',
    "? a\n: b",
    "null: 1",
    "True: 1",
    "__proto__: 1",
    `${"x".repeat(300)}: a`,
  ],
  "scalars with a sign of YAML": [
    "a: b: c",
    "a: b:",
    "a: @b",
    "a: - b",
    "a: ~",
    "a: 1 ",
    'a: "x\\e"',
    "a: 'b",
    'a: "b" c',
  ],
  "numbers in unusual forms": [
    "a: 01",
    "a: +1",
    "a: -1",
    "a: 1.5",
    "a: 0x1F",
    "a: .inf",
    "a: 1e3",
    "a: 99999999999999999",
  ],
  "texts beyond ASCII, tabs and Windows line ends": ["a: é", "\ta: 1", "a:\t1", "- \ta", "a: 1\r\nb: 2"],
  "scalars over several lines": ["a: b\n  c", "a: 'b\n  c'", "- b\n  c", "a: >\n  x\n"],
  "block scalars that are more than their lines": [
    "a: |+\n  x\n",
    "a: |2\n  x\n",
    "a: |\n\n  x\n",
    "a: |\n  x\n\n  y\n",
    "a: |-\n  x\n\nb: 1\n",
    "a: |\n  x\n # c\nb: 1",
    "a: |\n  x",
    "a: |\nx\n",
  ],
  "lines that stand nowhere": [
    "a: b\n c: d",
    "a:\n  b: 1\n c: 2",
    "- a\nb: 1",
    "a: 1\n- b",
    "a:\n - b\n  - c",
    " a: 1\nb: 2",
  ],
  "lists in lists": ["- - a", "-\n  a: 1", "- # c\n  a: 1"],
  "keys that stand twice": ["a: 1\na: 2", "a:\n  b: 1\n  b: 2"],
  "several documents": ["a: 1\n---\nb: 2", "a: 1\n...\n", "%YAML 1.2\n---\na: 1", "--- a"],
  "texts that are very long or deep": [
    `a: ${"x".repeat(20_000)}`,
    Array.from({ length: 60 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
  ],
};
for (const [what, texts] of Object.entries(unusual)) {
  test(`${what} are left to the library`, () => {
    for (const text of texts) assert.equal(tryReadPlainYaml(text), undefined, JSON.stringify(text));
  });
}

test("a text that is read as plain, however damaged, has the value that the library reads", () => {
  const documents = smallTexts.flatMap((text) => text.split(/^(?=---)/m)).filter((text) => !text.startsWith("{"));
  let read = 0;
  const property = fc.property(damaged(documents), (text) => {
    const value = tryReadPlainYaml(text);
    if (value === undefined) return;
    read += 1;
    assert.deepEqual(value, byLibrary(text));
  });
  const numRuns = runs(10_000, 1_500);
  fc.assert(property, { seed, numRuns });
  assert.ok(read > numRuns / 10, `only ${read} texts were plain`);
});
