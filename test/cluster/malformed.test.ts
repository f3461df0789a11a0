import assert from "node:assert/strict";
import { parseObjects } from "../../src/cluster/parse.ts";
import { suite } from "../support/suite.ts";
import { assertInvalidAt, invalidity } from "./expect-invalid.ts";
import { plainService } from "./sample-texts.ts";

const test = suite("cluster input, malformed");

const notYaml = (mistake: string) => ({ field: "", expected: "YAML", received: `text with a mistake (${mistake})` });
const twice = { field: "", expected: "a key that the map does not have yet", received: "one that it has" };
const notJson = (expected: string, received: string) => ({ field: "", expected, received });

/** `▸` stands before the place that the error has to name. */
const cases: readonly (readonly [name: string, marked: string, expected: object])[] = [
  ["a quote that is never closed", 'kind: Service\nmetadata: {name: "web}\n▸', notYaml('missing closing "quote')],
  ["a map in a value", "kind: Service\nspec: ▸a: b\n", notYaml("nested mappings are not allowed in compact mappings")],
  [
    "a line too far left",
    "spec:\n    type: x\n▸  ports: []\n",
    notYaml("all mapping items must start at the same column"),
  ],
  ["a tab as indentation", "spec:\n▸\ttype: x\n", notYaml("tabs are not allowed as indentation")],
  ["a key that stands twice", "kind: Service\nspec: {}\n▸kind: Node\n", twice],
  ["a key that stands twice deep inside", "spec:\n  ports:\n  - port: 1\n    ▸port: 2\n", twice],
  [
    "an alias of nothing",
    "kind: Service\nspec: ▸*nowhere\n",
    { expected: "an alias of an anchor before it", received: '"nowhere"' },
  ],
  ["a merge key", "a: &a {x: 1}\nb:\n  ▸<<: *a\n", { expected: "keys written out", received: "a merge key (<<)" }],
  ["a merge key of YAML 1.1", "%YAML 1.1\n---\na: &a {x: 1}\nb:\n  ▸<<: *a\n", { expected: "keys written out" }],
  ["a document that is a string", "▸hello\n", { field: "", expected: "a map", received: '"hello"' }],
  ["a document that is a list", "▸- kind: Service\n", { field: "", expected: "a map", received: "a list" }],
  ["a second document without a kind", `${plainService}---\n▸metadata: {}\n`, { field: "kind", received: "nothing" }],
  [
    "an item that is null",
    "kind: List\napiVersion: v1\nitems: [▸null]\n",
    { field: "items[0]", expected: "a map", received: "null" },
  ],
  [
    "items that are no list",
    "kind: List\napiVersion: v1\nitems: ▸{}\n",
    { field: "items", expected: "a list", received: "a map" },
  ],
  [
    "items of a named list that are no list",
    "▸kind: PodList\nitems: 1\n",
    { field: "apiVersion", received: "nothing" },
  ],
  ["a List without a version", "▸kind: List\nitems: []\n", { field: "apiVersion", received: "nothing" }],
  [
    "a List in a List",
    "kind: List\napiVersion: v1\nitems:\n- kind: ▸List\n  apiVersion: v1\n  items: []\n",
    { field: "items[0].kind", expected: "an object, not a List in a List", received: '"List"' },
  ],
  [
    "a field of an item, which is read by itself",
    "# c\napiVersion: v1\nitems:\n- {kind: Pod, apiVersion: v1}\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n  spec:\n    ports:\n    - name: x\n      port: ▸http\nkind: List\n",
    { field: "items[1].spec.ports[0].port", expected: "a port in 1…65535", received: '"http"' },
  ],
  [
    "a mistake in an item",
    "apiVersion: v1\nkind: List\nitems:\n  - kind: Pod\n    apiVersion: v1\n  - kind: Pod\n    ▸kind: Pod\n",
    twice,
  ],
  [
    "a mistake behind the items",
    "apiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\nkind: List\n▸kind: List\n",
    twice,
  ],
  [
    "a wrong kind behind the items",
    "apiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\nkind: ▸5\n",
    { field: "kind" },
  ],
  [
    "a field behind an alias",
    "kind: Service\napiVersion: v1\nmetadata: {name: a, labels: {x: &x ▸1}}\nspec: *x\n",
    { field: "metadata.labels.x" },
  ],
  ["JSON that ends too early", '{"kind": "Service"▸', notJson('"," or "}"', "the end of the text")],
  ["JSON with a comma too many", '{"kind": "Service",▸}', notJson("a key in double quotes", '"}"')],
  ["JSON with a word that is none", '{\n  "kind": ▸Service\n}', notJson("a value", '"S"')],
  ["JSON with an open string", '{"kind": "Service▸\n"}', notJson('a character of a string or its closing "', '"\\n"')],
  ["JSON with a bad escape", '{"kind": "Ser▸\\vice"}', notJson("an escape sequence", '"\\\\"')],
  ["JSON with a number that is none", '{"spec": [0▸1]}', notJson('"," or "]"', '"1"')],
  ["JSON without a colon", '{"spec" ▸1}', notJson('":"', '"1"')],
  ["JSON with something behind it", "{} ▸{}", notJson("the end of the text", '"{"')],
  ["JSON in which a list opens with a comma", '{"items": [▸,1]}', notJson('a value or "]"', '","')],
  [
    "a field of JSON whose key stands twice",
    '{"apiVersion":"v1","kind":"Node","metadata":{"name":5},\n"metadata":{"name":▸6}}',
    { field: "metadata.name", received: "6" },
  ],
  [
    "a missing field of JSON whose key stands twice",
    '{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"},\n"metadata":▸{}}',
    { field: "metadata.name", received: "nothing" },
  ],
];

for (const [name, marked, expected] of cases) {
  test(`${name} is refused at its place`, () => assertInvalidAt(marked, expected));
}

test("the message has the form file:line:column: field: expected …, got …", () => {
  const text = `${plainService}---\n${plainService.replace("port: 80", "port: http")}`;
  assert.equal(
    invalidity(text, "boutique.yaml").message,
    'boutique.yaml:19:11: spec.ports[0].port: expected a port in 1…65535, got "http"',
  );
  assert.equal(
    invalidity("a: 'x", "boutique.yaml").message,
    "boutique.yaml:1:6: expected YAML, got text with a mistake (missing closing 'quote)",
  );
});

test("aliases that expand a small text into a large one are refused", () => {
  const level = (i: number): string => `a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(", ")}]\n`;
  const bomb = `a0: &a0 [x]\n${Array.from({ length: 9 }, (_, i) => level(i + 1)).join("")}`;
  assert.match(invalidity(bomb).message, /^input.yaml:1:1: expected YAML, got text with a mistake \(excessive alias/);
});

test("aliases without end are refused at the first that is too many", () => {
  const text = `a: &a x\nb:\n${"- *a\n".repeat(1001)}`;
  const { line, column, expected } = invalidity(text);
  assert.deepEqual(
    { line, column, expected },
    { line: 1003, column: 3, expected: "at most 1000 aliases in a document" },
  );
});

test("an alias that holds itself is refused where it is read", () => {
  assert.equal(invalidity("&a {kind: List, apiVersion: v1, items: [*a]}").field, "items[0].kind");
});

test("nesting deeper than any object's is refused in every form, and does not end the process", () => {
  const deep = 20_000;
  const texts = [
    "[".repeat(deep),
    "{a: ".repeat(deep),
    "- ".repeat(deep),
    "? ".repeat(deep),
    `${"[".repeat(deep)}${"]".repeat(deep)}`,
  ];
  const indented = Array.from({ length: 200 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  for (const text of [...texts.map((nest) => `x: ${nest.startsWith("-") ? "\n" : ""}${nest}`), indented]) {
    assert.equal(invalidity(text).expected, "at most 100 maps and lists within each other", text.slice(0, 20));
  }
});

test("JSON may be nested as deeply as it likes where nobody reads it", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const text = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"},"x":${deep}}`;
  assert.equal(parseObjects(text, "a.json").objects.length, 1);
  assert.equal(invalidity(text.replace('"a"', "5"), "a.json").field, "metadata.name");
  assert.equal(invalidity("[".repeat(100_000), "a.json").column, 100_001);
});

test("control characters of the input do not reach the message", () => {
  const { message } = invalidity(plainService.replace("web", '"\\e[2Jweb\\n"'));
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(message, /[\u0000-\u001f]/);
});

test("a long text in braces that is no JSON is refused as JSON, at its place", () => {
  const filler = JSON.stringify("x".repeat(1_000_000));
  const { expected, column } = invalidity(`{"a": ${filler}, b: 1}`, "stdin");
  assert.deepEqual({ expected, column }, { expected: "a key in double quotes", column: filler.length + 9 });
});
