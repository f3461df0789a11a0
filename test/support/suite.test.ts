import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "./suite.ts";

/** Files that uvu alone ends with exit code 0, although something is wrong with each of them. */
const falseGreens: Readonly<Record<string, string>> = {
  "a before hook throws": `test.before(() => { throw new Error("boom") }); test("one", () => {});`,
  "an after hook throws": `test.after(() => { throw new Error("boom") }); test("one", () => {});`,
  "an after hook that a test declares throws": `
    test("one", () => { test.after(() => { throw new Error("boom") }) });`,
  "a beforeEach hook throws": `test.beforeEach(() => { throw new Error("boom") }); test("one", () => {});`,
  "an afterEach hook throws": `test.afterEach(() => { throw new Error("boom") }); test("one", () => {});`,
  "an afterEach hook throws after a failed test": `
    test.afterEach(() => { throw new Error("boom") }); test("one", () => { throw new Error("failed") });`,
  "a test throws null": `test("one", () => { throw null }); test("two", () => {});`,
  "a test throws a string": `test("one", () => { throw "text" }); test("two", () => {});`,
  "a test never ends": `test("one", () => new Promise(() => { setInterval(() => {}, 1000) }));`,
  "a test leaves a timer behind": `test("one", () => { setInterval(() => {}, 1000) });`,
  "a test never ends and nothing is left to wait for": `test("one", () => new Promise(() => {}));`,
  "a test calls process.exit(0)": `test("one", () => process.exit(0));`,
  "a file declares no test": ``,
  "a test is declared once its suite has started": `await null; await null; test("one", () => {});`,
  "a test throws an error with details, which uvu takes for text": `
    test("one", () => { throw Object.assign(new Error("x"), { details: { a: 1 } }) }); test("two", () => {});`,
  "a skip where CI allows none": `test.skip("one", "no kernel"); test("two", () => {});`,
};

const suiteFile = fileURLToPath(new URL("./suite.js", import.meta.url));
const folder = mkdtempSync(join(fileURLToPath(new URL(".", import.meta.url)), "suite-"));

function runFile(body: string, env: Record<string, string>): { status: number | null; output: string } {
  const file = join(folder, `case-${Math.abs(hash(body))}.mjs`);
  const head = `import { suite } from ${JSON.stringify(suiteFile)}; const test = suite("inner", { timeoutMs: 300 });`;
  writeFileSync(file, `${head}\n${body}\n`);
  const inherited = Object.entries(process.env).filter(([name]) => name !== "CI" && name !== "SLUICE_TEST_TALLY");
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
    env: { ...Object.fromEntries(inherited), ...env },
    encoding: "utf8",
    timeout: 10_000,
  });
  return { status, output: stdout + stderr };
}

function hash(text: string): number {
  return [...text].reduce((sum, char) => (Math.imul(sum, 31) + char.charCodeAt(0)) | 0, 7);
}

const test = suite("the strict wrapper");

test.after(() => rmSync(folder, { recursive: true, force: true }));

test("a file whose tests pass ends with 0", () => {
  const { status, output } = runFile(`test.before(() => {}); test("one", () => {}); test("two", async () => {});`, {});
  assert.equal(status, 0, output);
  assert.match(output, /2 \/ 2/);
});

test("a skip is named with its reason and passes where CI is not set", () => {
  const { status, output } = runFile(`test.skip("one", "no kernel"); test("two", () => {});`, {});
  assert.equal(status, 0, output);
  assert.match(output, /SKIP inner: one: no kernel/);
});

test("what is declared for afterwards is done, also by a test, and what came last first", () => {
  const { status, output } = runFile(
    `test.after(() => console.log("done first")); test.after(() => console.log("done second"));
    test("one", () => { test.after(() => console.log("done by a test")); });`,
    {},
  );
  assert.equal(status, 0, output);
  assert.deepEqual(
    [...output.matchAll(/done (\w.*)/g)].map(([, what]) => what),
    ["by a test", "second", "first"],
  );
});

test("of a suite that is sampled the seed chooses, and a full run leaves out nothing", () => {
  const file = (names: string): string => `
    const few = suite("few", { sampled: 2 });
    for (const name of ${names}) few(name, () => console.log("ran " + name));
    test("one that is not sampled", () => console.log("ran every"));`;
  const ran = (env: Record<string, string>, names = `"abcdefgh"`): string[] =>
    [...runFile(file(names), { SLUICE_FULL: "", ...env }).output.matchAll(/ran (\w+)/g)].map(([, name]) => name!);
  const one = ran({ SLUICE_SEED: "1" });
  assert.equal(one.length, 3);
  assert.equal(one[0], "every");
  assert.deepEqual(ran({ SLUICE_SEED: "1" }), one);
  const seeds = ["2", "3", "4", "5"].map((SLUICE_SEED) => ran({ SLUICE_SEED }).join(""));
  assert.ok(new Set(seeds).size > 1, seeds.join());
  assert.equal(ran({ SLUICE_FULL: "1" }).join(""), "everyabcdefgh");
  assert.deepEqual(ran({}, `"a"`), ["every", "a"]);
});

test("alike suites of a file that are sampled run all of their tests between them", () => {
  const body = `for (const of of ["x", "y", "z"]) {
    const few = suite(of, { sampled: 2 });
    for (const name of "abcde") few(name, () => console.log("ran " + name));
  }`;
  const { output } = runFile(body, { SLUICE_FULL: "", SLUICE_SEED: "1" });
  const ran = [...output.matchAll(/ran (\w)/g)].map(([, name]) => name!);
  assert.equal(ran.length, 6, output);
  assert.equal(new Set(ran).size, 5, output);
});

for (const [name, body] of Object.entries(falseGreens)) {
  test(`red: ${name}`, () => {
    const { status, output } = runFile(body, { CI: "true" });
    assert.notEqual(status, 0, output);
    assert.notEqual(status, null, "it hung");
  });
}
