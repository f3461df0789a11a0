import assert from "node:assert/strict";
import { assertNever, balancerInvalid, configInvalid, isSluiceError, SluiceError } from "../../src/core/errors.ts";
import { suite } from "../support/suite.ts";

const test = suite("errors");

test("an error carries its code, its details and what caused it", () => {
  const cause = new Error("ENOENT");
  const details = { file: "a.yaml", reason: "no such file" };
  const error = new SluiceError("INPUT_UNREADABLE", "a.yaml: no such file", details, { cause });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    [error.name, error.code, error.message, error.cause],
    ["SluiceError", "INPUT_UNREADABLE", "a.yaml: no such file", cause],
  );
  assert.equal(error.details, details);
  assert.match(String(error.stack), /errors\.test/);
});

test("is told apart by code", () => {
  const error: unknown = configInvalid("--mode", "one of iptables, ipvs", "ipfw");
  assert.equal(isSluiceError(error, "CONFIG_INVALID") && error.details.path, "--mode");
  assert.equal(isSluiceError(error, "INPUT_INVALID"), false);
  assert.equal(isSluiceError(new Error("CONFIG_INVALID"), "CONFIG_INVALID"), false);
  assert.equal(isSluiceError(undefined, "CONFIG_INVALID"), false);
});

test("says what was expected and shows what it got", () => {
  const shown: readonly (readonly [received: unknown, shown: string])[] = [
    ["ipfw", "ipfw"],
    ["", ""],
    [7, "7"],
    [Number.NaN, "NaN"],
    [-0.5, "-0.5"],
    [true, "true"],
    [undefined, "undefined"],
    [null, "null"],
    [10n, "10"],
    [{ a: [1, "b"] }, '{"a":[1,"b"]}'],
  ];
  for (const [received, text] of shown) {
    for (const [error, code] of [
      [configInvalid("a.b", "a thing", received), "CONFIG_INVALID"],
      [balancerInvalid("a.b", "a thing", received), "BALANCER_INVALID"],
    ] as const) {
      assert.equal(error.code, code);
      assert.equal(error.message, `a.b: expected a thing, got ${text}`);
      assert.deepEqual(error.details, { path: "a.b", expected: "a thing", received: text });
    }
  }
});

test("a branch that cannot be reached throws when it is", () => {
  assert.throws(() => assertNever({ kind: "new" } as never), {
    name: "TypeError",
    message: 'unreachable: {"kind":"new"}',
  });
});
