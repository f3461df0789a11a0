import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchResult } from "../../src/measure/result.ts";
import { renderJson } from "../../src/report/json.ts";
import { renderTerminal } from "../../src/report/terminal.ts";
import { summarized } from "../measure/synthetic.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-results-"));
const before = join(folder, "before.json");
const result = await summarized();
writeFileSync(before, renderJson(result));
const test = suite("sluice bench compare and report", { timeoutMs: 120_000, sampled: 2 });
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The same with every ratio to direct a fifth lower. */
function slower(): unknown {
  const cells = result.cells.map((cell) => {
    if (cell.ratio === null || cell.ratio.interval === null) return cell;
    const { value, interval, unit } = cell.ratio;
    const ratio = { value: value * 0.8, interval: interval.map((end) => end * 0.8), unit };
    return Object.assign({ ...cell }, { ratio });
  });
  return { ...result, cells };
}

test("compare: nothing worse is exit code 0, a regression beyond the threshold 1", async () => {
  const same = await sluice(["bench", "compare", before, before]);
  assert.deepEqual([same.exitCode, same.stderr], [0, ""]);
  assert.match(same.stdout, /^nothing differs beyond noise\n/);

  const after = join(folder, "after.json");
  writeFileSync(after, JSON.stringify(slower()));
  const worse = await sluice(["bench", "compare", before, after]);
  assert.equal(worse.exitCode, 1, worse.stderr);
  assert.match(worse.stdout, /ipvs-rr +ratio .* REGRESSION\n/);
  assert.equal((await sluice(["bench", "compare", before, after, "--threshold-percent", "30"])).exitCode, 0);

  const json = await sluice(["bench", "compare", before, after, "-o", "json"]);
  const { changes } = JSON.parse(json.stdout) as { changes: { regression: boolean }[] };
  assert.ok(changes.some(({ regression }) => regression));
});

test("report: as text without a file, as one page, as distributions", async () => {
  const text = await sluice(["bench", "report", before]);
  assert.equal(text.stdout, renderTerminal(result, before));

  const page = join(folder, "made", "report.html");
  const hgrm = join(folder, "hgrm");
  const both = await sluice(["bench", "report", before, before, "--html", page, "--hgrm", hgrm]);
  assert.deepEqual([both.exitCode, both.stdout], [0, ""], both.stderr);
  assert.match(readFileSync(page, "utf8"), /^<!doctype html>[^]*<h1>2 benchmarks<\/h1>/);
  assert.deepEqual(readdirSync(hgrm).sort(), ["1", "2"]);
  assert.equal(readdirSync(join(hgrm, "1")).length, result.cells.length);
});

test("what is no result is refused, and nothing is written", async () => {
  const page = join(folder, "none.html");
  for (const [name, text, reason] of [
    ["old.json", '{"schema":"sluice.bench/1"}', "schema: expected sluice.bench/2, got sluice.bench/1"],
    ["other.json", "{}", "schema: expected sluice.bench/2, got none"],
    ["text.json", "hello", "document: expected JSON"],
    ["cut.json", '{"schema":"sluice.bench/2"}', "cells: expected a list"],
    ["no-control.json", JSON.stringify({ ...result, control: null }), "control: expected an object, got none"],
    ["cell.json", JSON.stringify({ ...result, cells: [{}] }), "cells[0].subject: expected a value, got none"],
    ["work.json", JSON.stringify({ ...result, works: [1] }), "works[0]: expected an object, got a number"],
    ["faults.json", JSON.stringify({ ...result, faults: {} }), "faults.method: expected a value, got none"],
  ] as const) {
    const file = join(folder, name);
    writeFileSync(file, text);
    for (const args of [
      ["report", file, "--html", page],
      ["compare", before, file],
    ]) {
      const { exitCode, stdout, stderr } = await sluice(["bench", ...args]);
      assert.deepEqual([exitCode, stdout], [2, ""]);
      assert.ok(stderr.includes(reason), stderr);
    }
  }
  assert.equal((await sluice(["bench", "report", join(folder, "missing.json")])).exitCode, 2);
  assert.ok(!existsSync(page));
});

test("plans are listed with their budgets; one that is not known is refused, and so is a file that is none", async () => {
  const list = await sluice(["bench", "--list"]);
  assert.match(list.stdout, /^quick +at most 80 s: .*\nlatency +at most 120 s: /);
  const unknown = await sluice(["bench", "--plan", "fast"]);
  assert.equal(unknown.exitCode, 2);
  assert.match(unknown.stderr, /--plan fast: no plan of that name \(quick, latency, .*peers.*\), and no file/);
  const file = join(folder, "plan.yaml");
  writeFileSync(file, "describe: mine\nbudgetSeconds: 0\n");
  const wrong = await sluice(["bench", "--plan", file]);
  assert.equal(wrong.exitCode, 2);
  assert.match(wrong.stderr, /plan\.budgetSeconds/);
});

test("a plan says what is not entered, and the page is written beside the result", async () => {
  const file = join(folder, "short.yaml");
  const plan = { describe: "mine", subjects: [], works: ["tcp-request-response@200"], budgetSeconds: 20 };
  writeFileSync(file, JSON.stringify(plan));
  const out = join(folder, "short.json");
  const page = join(folder, "short.html");
  const args = ["bench", "--plan", file, "--budget-seconds", "15", "--out", out, "--html", page];
  const { exitCode, stderr } = await sluice(args);
  assert.ok(exitCode === 0 || exitCode === 1, stderr);
  const { works, method, subjects } = JSON.parse(readFileSync(out, "utf8")) as BenchResult;
  assert.deepEqual(
    works.map(({ work, loop }) => [work, loop]),
    [["tcp-request-response@200", "open"]],
  );
  assert.deepEqual([method.budget.value, subjects.length], [15, 2]);
  assert.match(readFileSync(page, "utf8"), /<\/html>\n$/);
});
