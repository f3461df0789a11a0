import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { medianInterval } from "../../bench/agree/median-interval.ts";
import { product } from "../../bench/frame/bench.ts";
import { type CommandResult, exec } from "../../src/host/exec.ts";
import { suite } from "../support/suite.ts";

const test = suite("benches", { timeoutMs: 240_000, sampled: 2 });

/** Runs a compiled bench. @param file beside this one's folder. */
function run(file: string, ...options: string[]): Promise<CommandResult> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return exec([process.execPath, path, ...options], { timeoutMs: 200_000 });
}

/** The lines of its tables, without their titles. */
function linesOf({ exitCode, stdout, stderr }: CommandResult): string[] {
  assert.equal(exitCode, 0, stderr);
  return stdout.split("\n").filter((line) => line.includes("  ") && !/^(case|ratio of times) /.test(line));
}

test("all combinations of a matrix are cases, the last key fastest", () => {
  assert.deepEqual(product({ a: [1, 2], b: ["x", "y"] }), [
    { a: 1, b: "x" },
    { a: 1, b: "y" },
    { a: 2, b: "x" },
    { a: 2, b: "y" },
  ]);
});

test("an interval of a median is of values that stand as far from the ends as the sign test allows", () => {
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1).reverse();
  const ends = [5, 6, 12, 20].map((n) => medianInterval(upTo(n)));
  // Places of the table of the sign test, 2.5 % on each side.
  assert.deepEqual(
    ends.map(({ low, high }) => [low, high]),
    [
      [undefined, undefined],
      [1, 6],
      [3, 10],
      [6, 15],
    ],
  );
  assert.deepEqual(
    [5, 12].map((n) => medianInterval(upTo(n)).estimate),
    [3, 6.5],
  );
  assert.equal(medianInterval([]).estimate, undefined);
});

test("a check that fails ends a bench with exit code 1 and says why; the figures are printed all the same", async () => {
  const { exitCode, stdout, stderr } = await run("./never-right.js", "--rounds", "5", "--seed", "3");
  assert.equal(exitCode, 1);
  assert.equal(stderr, "wrong: case 2: two is wrong\n");
  assert.match(
    stdout,
    /^never-right: does a wrong result fail the run\?\n2 cases, 5 rounds in random order \(--seed 3\)/,
  );
  const interval = String.raw`[\d.]+ [nµ]s \([\d.]+ [nµ]s … [\d.]+ [nµ]s\)`;
  assert.match(stdout, new RegExp(`\ncase 1 +${interval} +${interval} +≤ 50\\.0 ns +-?\\d+\\.\\d\\d +one 1\n`));
  assert.match(stdout, new RegExp(`\ncase 2 +${interval} +${interval} +≤ 50\\.0 ns +one 2\n`));
  assert.match(stdout, /\ncase 1 \/ case 2 +[\d.]+ \([\d.]+ … [\d.]+\)\n/);
});

test("balancers/pick keeps the loads of lc level", async () => {
  const options = ["--rounds", "1", "--only", "pick-and-release lc", "--no-heap"];
  const [line] = linesOf(await run("../../bench/balancers/pick.bench.js", ...options));
  assert.match(line!, /≤ 1\.00 µs +largest load [123], at most 3$/);
});

test("balancers/peers finds the packages that it compares with, and undici's pools without traffic", async () => {
  const only = "^(round-robin of 10, (undici|load)|(p2c|ring) of 10, [hl])";
  const lines = linesOf(await run("../../bench/balancers/peers.bench.js", "--rounds", "1", "--only", only));
  assert.equal(lines.length, 5);
});

test("balancers/harnesses times with tinybench and benchmark.js", async () => {
  const lines = linesOf(await run("../../bench/balancers/harnesses.bench.js", "--rounds", "1", "--only", "^rr"));
  assert.equal(lines.length, 1);
  for (const pair of ["tinybench / benchmark.js", "tinybench / ours", "benchmark.js / ours"]) {
    assert.match(lines[0]!, new RegExp(`${pair} [\\d.]+, ${pair} at least [\\d.]+, ${pair} at most [\\d.]+`));
  }
});
