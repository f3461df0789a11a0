import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Key } from "../../../src/cluster/text/document.ts";
import { readJson, tryReadJson } from "../../../src/cluster/text/json.ts";
import { walkJson } from "../../../src/core/walk-json.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";
import { damaged } from "../mutations.ts";

const test = suite("JSON with places");
const settings = { seed, numRuns: runs(10_000, 1_000) };

/** Every path to a value within a value, the empty one included. */
function pathsIn(value: unknown): Key[][] {
  const within = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const key = (name: string): Key => (Array.isArray(value) ? Number(name) : name);
  return [[], ...within.flatMap(([name, inner]) => pathsIn(inner).map((path) => [key(name)].concat(path)))];
}

const at = (value: unknown, path: readonly Key[]): unknown =>
  path.reduce((inner: unknown, key) => (inner as Record<Key, unknown>)[key], value);

test("every value of a text is found where it begins", () => {
  const property = fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"), (value, space) => {
    const text = JSON.stringify(value, null, space);
    const document = readJson(text);
    assert.deepEqual(document.value, JSON.parse(text));
    for (const path of pathsIn(document.value)) {
      const offset = document.offsetOf(path);
      const whole = JSON.stringify(at(document.value, path), null, space);
      // Nested values are indented: what begins here is compared up to its first line end.
      assert.ok(text.startsWith(whole.split("\n")[0]!, offset), `${JSON.stringify(path)} at ${offset} of ${text}`);
    }
  });
  fc.assert(property, settings);
});

test("a missing value is found at the nearest map or list around it", () => {
  const text = '{"a": [1, {"b": 2}], "a\\u0062": 3}';
  const { offsetOf } = readJson(text);
  assert.equal(offsetOf(["a", 1, "c", "d"]), text.indexOf('{"b"'));
  assert.equal(offsetOf(["a", 5]), text.indexOf("["));
  assert.equal(offsetOf(["x"]), 0);
  assert.equal(offsetOf(["ab"]), text.indexOf("3"));
});

test("of a key that stands twice, the later one is found", () => {
  const text = '{"a": {"b": 1, "c": 2}, "a": {"b": 3}}';
  const { offsetOf } = readJson(text);
  assert.equal(offsetOf(["a", "b"]), text.indexOf("3"));
  assert.equal(offsetOf(["a", "c"]), text.lastIndexOf("{"));
});

test("a damaged text is JSON to the walk exactly if it is to JSON.parse, and breaks off there", () => {
  const texts = ['{"a": [1, -2.5e+3, "x\\n\\u00e9", true, null, {}], "b": {"c": []}}', "[[], [0], {}]", '"x"', " 10 "];
  let broken = 0;
  const property = fc.property(damaged(texts), (text) => {
    const fault = walkJson(text, () => {});
    assert.equal(fault === undefined, tryReadJson(text) !== undefined, JSON.stringify(fault));
    if (fault === undefined) return;
    broken += 1;
    // What stands before the fault is JSON, or the beginning of some: it just ends too early.
    const before = walkJson(text.slice(0, fault.offset), () => {});
    assert.equal(before?.offset ?? fault.offset, fault.offset, JSON.stringify(fault));
  });
  fc.assert(property, settings);
  assert.ok(broken > settings.numRuns / 10, `only ${broken} texts were broken`);
});
