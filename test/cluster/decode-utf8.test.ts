import assert from "node:assert/strict";
import { isSluiceError } from "../../src/core/errors.ts";
import { decodeUtf8 } from "../../src/cluster/decode-utf8.ts";
import { suite } from "../support/suite.ts";

const test = suite("decodeUtf8");

test("UTF-8 is decoded, U+FFFD and characters of four bytes included", () => {
  const text = "kind: é \ufffd 😀\n";
  assert.equal(decodeUtf8(Buffer.from(text), "a.yaml"), text);
});

const cases: readonly (readonly [
  name: string,
  bytes: readonly (string | number)[],
  place: readonly [number, number],
  byte: string,
])[] = [
  ["a byte of Latin-1", ["a: 1\nb: caf", 0xe9, "\n"], [2, 7], "0xe9"],
  ["a character that is cut off", ["a: é", 0xf0, 0x9f], [1, 5], "0xf0"],
  ["UTF-16", [0xff, 0xfe, "k", 0], [1, 1], "0xff"],
  ["a bad byte behind U+FFFD and an emoji", ["é\n", "\ufffd😀\ufffd", 0x80], [2, 5], "0x80"],
  ["an overlong character", ["x", 0xc0, 0x80], [1, 2], "0xc0"],
];
for (const [name, parts, [line, column], byte] of cases) {
  test(`${name} is refused at its place`, () => {
    const bytes = Buffer.concat(
      parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from([part]))),
    );
    assert.throws(
      () => decodeUtf8(bytes, "a.yaml"),
      (error) => {
        assert.ok(isSluiceError(error, "INPUT_INVALID"));
        assert.deepEqual(error.details, {
          file: "a.yaml",
          line,
          column,
          field: "",
          expected: "UTF-8",
          received: `the byte ${byte}`,
        });
        assert.equal(error.message, `a.yaml:${line}:${column}: expected UTF-8, got the byte ${byte}`);
        return true;
      },
    );
  });
}
