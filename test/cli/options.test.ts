import assert from "node:assert/strict";
import yargs from "yargs";
import { trueOrFalse } from "../../src/cli/boolean-option.ts";
import { oneOf } from "../../src/cli/choice-option.ts";
import { namingFlags } from "../../src/cli/flag.ts";
import { programOptions, requireModes } from "../../src/cli/mode-options.ts";
import { wholeNumber } from "../../src/cli/number-option.ts";
import { configInvalid, isSluiceError } from "../../src/core/errors.ts";
import { suite } from "../support/suite.ts";

/** Options as they are read; what the whole command makes of them is tested in option-errors.test.ts. */
const test = suite("options");

/** Throws an error with this message. */
function refuses(message: string, read: () => unknown): void {
  assert.throws(read, (error) => {
    assert.ok(isSluiceError(error, "CONFIG_INVALID"), String(error));
    assert.equal(error.message, message);
    return true;
  });
}

test("a switch is on alone and with true, off with false, and nothing else", () => {
  const { coerce } = trueOrFalse("masquerade-all", "");
  assert.deepEqual([true, "true", false, "false"].map(coerce), [true, true, false, false]);
  for (const value of ["maybe", "", "TRUE", "1", 1, 0]) {
    refuses(`--masquerade-all: expected true or false, or nothing behind it, got ${value}`, () => coerce(value));
  }
  refuses("--masquerade-all: expected it once, got [true,true]", () => coerce([true, true]));
});

test("yargs gives a switch as it stands, whatever follows it, and nothing where it is not given", () => {
  const parsed = (...words: readonly string[]): unknown =>
    yargs([...words])
      .exitProcess(false)
      .option("watch", trueOrFalse("watch", ""))
      .option("o", oneOf("o", "", ["table", "json"]))
      .parseSync()["watch"];
  assert.equal(parsed(), undefined);
  assert.equal(parsed("--watch"), true);
  assert.equal(parsed("--watch", "-o", "json"), true);
  assert.equal(parsed("--watch", "true"), true);
  assert.equal(parsed("--watch=false", "-o", "json"), false);
});

test("a word is one of its list", () => {
  const { coerce } = oneOf("o", "", ["table", "json"]);
  assert.equal(coerce("json"), "json");
  refuses("-o: expected one of table, json, got JSON", () => coerce("JSON"));
  refuses('-o: expected it once, got ["json","json"]', () => coerce(["json", "json"]));
});

test("a number is whole, in decimal and in its limits", () => {
  const { coerce } = wholeNumber("seed", "", { min: 1, max: 20 });
  assert.deepEqual(["1", "20", 7].map(coerce), [1, 20, 7]);
  for (const value of ["0", "21", "1.5", "-1", "0x10", "1e1", "many", "", " 3"]) {
    refuses(`--seed: expected a whole number in 1…20, got ${value}`, () => coerce(value));
  }
  refuses("--seed: expected it once, got [1,2]", () => coerce([1, 2]));
});

test("an option of another mode is refused, and the modes that have it are named", () => {
  const cases = [
    [{ scheduler: "lc" }, "--scheduler: expected only with mode ipvs, got lc with mode iptables", ["iptables"]],
    [{ modern: false }, "--modern: expected only with mode userspace, got false with mode ipvs", ["ipvs"]],
    [
      { masqueradeAll: true },
      "--masquerade-all: expected only with mode iptables or nftables, got true with mode userspace and ipvs",
      ["userspace", "ipvs"],
    ],
    [
      { clusterCidr: ["10.0.0.0/8", "fd00::/8"] },
      "--cluster-cidr: expected only with mode iptables or nftables, got 10.0.0.0/8 fd00::/8 without a mode",
      [],
    ],
  ] as const;
  for (const [args, message, modes] of cases) refuses(message, () => requireModes(args, modes));
});

test("of several modes one that has the option will do, and what is not given is no matter", () => {
  assert.ok(requireModes({ scheduler: "lc", masqueradeAll: true }, ["iptables", "ipvs"]));
  assert.ok(requireModes({ clusterCidr: ["10.0.0.0/8"] }, ["nftables"]));
  assert.ok(requireModes({ scheduler: undefined }, ["userspace"]));
});

test("the compilers are told what is given, and nothing else", () => {
  const detectLocal = { by: "cluster-cidr", ranges: ["10.0.0.0/8"] };
  assert.deepEqual(programOptions({}), { iptables: {}, nftables: {}, ipvs: {} });
  assert.deepEqual(programOptions({ scheduler: "sed", clusterCidr: ["10.0.0.0/8"], masqueradeAll: true }), {
    iptables: { masqueradeAll: true, detectLocal },
    nftables: { masqueradeAll: true, detectLocal },
    ipvs: { scheduler: "sed" },
  });
});

test("a field in an error gives way to its flag, with what is expected and what was given; others stay", () => {
  const flags = { budgetMs: "--budget-seconds", works: "--works" };
  const named = (path: string): string => (namingFlags(configInvalid(path, "more", 5), flags) as Error).message;
  assert.equal(named("budgetMs"), "--budget-seconds: expected more, got 5");
  assert.equal(named("works[1]"), "--works: expected more, got 5");
  assert.equal(named("workset"), "workset: expected more, got 5");
  const other = new Error("other");
  assert.equal(namingFlags(other, flags), other);
});
