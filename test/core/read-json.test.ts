import assert from "node:assert/strict";
import * as fc from "fast-check";
import { isSluiceError, SluiceError } from "../../src/core/errors.ts";
import { offsetInJson, readJson } from "../../src/core/read-json.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const test = suite("reading JSON");

type Place = readonly [line: number | undefined, column: number | undefined, field: string, expected: string];

function placeOf(text: string, read: (value: unknown) => unknown = (value) => value): Place | undefined {
  try {
    readJson(text, "dump.json", read);
    return undefined;
  } catch (error) {
    assert.ok(isSluiceError(error, "INPUT_INVALID"), String(error));
    const { line, column, field, expected } = error.details;
    assert.ok(error.message.startsWith(`dump.json:${line}:${column}:`), error.message);
    return [line, column, field, expected];
  }
}

function missing(field: string): () => never {
  return () => {
    const details = { file: "dump.json", line: undefined, column: undefined, field, expected: "more", received: "x" };
    throw new SluiceError("INPUT_INVALID", "wrong", details);
  };
}

test("a text that is no JSON is refused where it stops being JSON", () => {
  assert.deepEqual(placeOf('[1,\n  {"a" 2}]'), [2, 8, "", '":"']);
  assert.deepEqual(placeOf("[1, 2"), [1, 6, "", '"," or "]"']);
  assert.deepEqual(placeOf(""), [1, 1, "", "a value"]);
  assert.deepEqual(placeOf('["\u0001"]'), [1, 3, "", 'a character of a string or its closing "']);
  assert.equal(placeOf(" [1] "), undefined);
});

test("a member that is refused has its place; one that is missing that of the map or list around it", () => {
  const text = '{\n  "a": [\n    1,\n    { "b c": 2, "b c": 3 }\n  ]\n}';
  const at = (field: string) => placeOf(text, missing(field))?.slice(0, 2);
  assert.deepEqual(at("a"), [2, 8]);
  assert.deepEqual(at(".a[0]"), [3, 5]);
  assert.deepEqual(at("a[1]"), [4, 5]);
  // Of a key that stands twice the later one counts.
  assert.deepEqual(at("a[1].b c"), [4, 24]);
  assert.deepEqual(at("a[1].x"), [4, 5]);
  assert.deepEqual(at("a[7].x.y"), [2, 8]);
  assert.deepEqual(at("the text"), [1, 1]);
});

test("an error that has its place, or is another, goes through as it is", () => {
  const other = new TypeError("other");
  assert.throws(
    () =>
      readJson("1", "f", () => {
        throw other;
      }),
    other,
  );
  const details = { file: "f", line: 7, column: 8, field: "a", expected: "more", received: "x" };
  const placed = new SluiceError("INPUT_INVALID", "wrong", details);
  assert.throws(
    () =>
      readJson("1", "f", () => {
        throw placed;
      }),
    placed,
  );
});

test("every member of any document is found where it stands", () => {
  const walk = (value: unknown, path: readonly (string | number)[], text: string): void => {
    const offset = offsetInJson(text, path);
    assert.ok(text.slice(offset).startsWith(JSON.stringify(value)), `${path.join(".")} in ${text}`);
    if (typeof value !== "object" || value === null) return;
    const members = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, member] of members) walk(member, [...path, key], text);
  };
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => walk(value, [], JSON.stringify(value))),
    { seed, numRuns: runs(5000, 300) },
  );
});
