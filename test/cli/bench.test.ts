import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchResult } from "../../src/measure/result.ts";
import { suite } from "../support/suite.ts";
import { collect, sluice, startSluice } from "./cli.ts";

const test = suite("sluice bench", { timeoutMs: 120_000, sampled: 2 });
const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
const children = new Set<ChildProcess>();
test.after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** The shortest run that there is: two subjects, one work. */
const BUDGET_SECONDS = 9;
/** Long enough that a signal comes first, however busy the host is. */
const PATIENT_SECONDS = 90;
const smallest = ["bench", "--subjects", "direct", "--works", "tcp-request-response"];
const shortest = [...smallest, "--budget-seconds", String(BUDGET_SECONDS)];

interface Bench {
  readonly child: ChildProcess;
  readonly out: string;
  /** The file for the result is there, and nothing is open yet. */
  readonly opening: Promise<void>;
  /** The first slice begins. */
  readonly measuring: Promise<void>;
  ended(): Promise<{ exitCode: number | null; stdout: string; stderr: string }>;
}

/** @param name of the file in a folder of its own that the result goes to. @param before what is in it. */
function startBench(name: string, before?: string, budgetSeconds = BUDGET_SECONDS): Bench {
  const own = mkdtempSync(join(folder, "run-"));
  const out = join(own, name);
  if (before !== undefined) writeFileSync(out, before);
  const opening = new Promise<void>((resolve) => {
    const watcher = watch(own, () => {
      watcher.close();
      resolve();
    });
  });
  const child = startSluice([...smallest, "--budget-seconds", String(budgetSeconds), "--out", out]);
  children.add(child);
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  const stdout = collect(child.stdout!);
  const stderr = collect(child.stderr!);
  const measuring = new Promise<void>((resolve) => {
    child.stderr!.on("data", () => stderr().includes("measuring ") && resolve());
  });
  return {
    child,
    out,
    opening,
    measuring,
    async ended() {
      const exitCode = await closed;
      children.delete(child);
      return { exitCode, stdout: stdout(), stderr: stderr() };
    },
  };
}

function document(file: string): BenchResult {
  return JSON.parse(readFileSync(file, "utf8")) as BenchResult;
}

/** What every document holds, however early the run ended: whole blocks, the same number in every cell. */
function checkWhole({ schema, cells, method }: BenchResult): void {
  assert.equal(schema, "sluice.bench/2");
  assert.ok(method.blocks.value! <= method.plannedBlocks.value!);
  for (const { blocks } of cells) {
    for (const series of Object.values(blocks)) assert.equal(series.values.length, method.blocks.value);
  }
}

const afterSomeBlocks = ({ measuring }: Bench): Promise<void> => measuring.then(() => sleep(3000));
for (const [phase, signal, moment] of [
  ["while backends and dataplanes are opened", "SIGINT", ({ opening }: Bench) => opening],
  ["in the warm-up", "SIGTERM", ({ measuring }: Bench) => measuring],
  ["after some blocks", "SIGINT", afterSomeBlocks],
] as const) {
  test(`${signal} ${phase}: exit code 4, with a whole document of what there is`, async () => {
    const bench = startBench("stopped.json", undefined, PATIENT_SECONDS);
    await moment(bench);
    bench.child.kill(signal);
    const { exitCode, stdout, stderr } = await bench.ended();
    assert.equal(exitCode, 4, stderr);
    const result = document(bench.out);
    checkWhole(result);
    assert.deepEqual([result.complete, result.endedBy], [false, "signal"]);
    assert.ok(result.method.blocks.value! < result.method.plannedBlocks.value!);
    assert.match(stdout, /^sluice .* blocks? of \d+ \(stopped early\)/);
    assert.match(stdout, /\n- Stopped early after \d+ of \d+ blocks/);
    if (result.method.blocks.value! < 5) {
      assert.match(stdout, /not enough blocks to tell whether its intervals hold 1/);
      assert.doesNotMatch(stdout, /kept|all its intervals hold 1|NaN|null|undefined/);
    }
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test("two signals: it ends at once, and leaves the file as it found it", async () => {
  for (const before of [undefined, "an earlier result"]) {
    const bench = startBench("twice.json", before, PATIENT_SECONDS);
    await (before === undefined ? bench.opening : bench.measuring);
    // Two of a kind may come as one.
    bench.child.kill("SIGINT");
    bench.child.kill("SIGTERM");
    const { exitCode, stdout } = await bench.ended();
    assert.deepEqual([exitCode, stdout], [4, ""]);
    if (before === undefined) assert.ok(!existsSync(bench.out));
    else assert.equal(readFileSync(bench.out, "utf8"), before);
  }
});

test("a run that its budget ends gives what it has, says so, and has done what it was asked to", async () => {
  const bench = startBench("late.json");
  await bench.measuring;
  // A host that is busy with something else for as long as the run may take.
  bench.child.kill("SIGSTOP");
  await sleep(BUDGET_SECONDS * 1000);
  bench.child.kill("SIGCONT");
  const { exitCode, stdout, stderr } = await bench.ended();
  const result = document(bench.out);
  checkWhole(result);
  assert.deepEqual([result.complete, result.endedBy], [false, "budget"]);
  // The slice that slept through its time-outs is not of a whole block, unless its block was whole with it.
  assert.equal(exitCode, result.failures.length > 0 ? 1 : 0, stderr);
  assert.match(stderr, /warning: the budget of 9 s is over/);
  assert.match(stdout, /\n- The budget of 9 s was over after \d+ of \d+ blocks/);
});

test("-o json prints the document that it writes; a folder that is not there is made, a file that is there replaced", async () => {
  const out = join(folder, "a", "b", "result.json");
  const first = await sluice([...shortest, "--out", out, "-o", "json"]);
  assert.ok(first.exitCode === 0 || first.exitCode === 1, first.stderr);
  assert.equal(readFileSync(out, "utf8"), first.stdout);
  const result = document(out);
  checkWhole(result);
  assert.deepEqual(readdirSync(join(folder, "a", "b")), ["result.json"]);

  const again = startBench("again.json", "an earlier result", PATIENT_SECONDS);
  await again.measuring;
  again.child.kill("SIGINT");
  await again.ended();
  checkWhole(document(again.out));
});

test("an earlier result stays when the options are refused", async () => {
  const out = join(folder, "kept.json");
  writeFileSync(out, "an earlier result");
  for (const wrong of [
    ["--subjects", "ebpf"],
    ["--budget-seconds", "2"],
    ["--service", "a/b"],
  ]) {
    const { exitCode, stderr } = await sluice(["bench", "--out", out, ...wrong]);
    assert.equal(exitCode, 2, stderr);
    assert.equal(readFileSync(out, "utf8"), "an earlier result");
  }
});

test("a place that cannot be written is found out before anything is measured: exit code 4", async () => {
  writeFileSync(join(folder, "file"), "");
  for (const out of [folder, "/dev/null/result.json", join(folder, "file", "result.json")]) {
    const { exitCode, stdout, stderr } = await sluice(["bench", "--out", out]);
    assert.deepEqual([exitCode, stdout], [4, ""]);
    assert.ok(stderr.includes(`cannot write ${out}: `), stderr);
    assert.doesNotMatch(stderr, /measuring/);
  }
});

test("a device is written to, and stays when there is no result", async () => {
  const { exitCode } = await sluice(["bench", "--out", "/dev/null", "--budget-seconds", "2"]);
  assert.equal(exitCode, 2);
  assert.ok(existsSync("/dev/null"));
});

test("without --out the result lies in results/ of the folder one is in, under the time", async () => {
  const bench = startSluice([...shortest], ["env", "-C", folder]);
  children.add(bench);
  const stderr = collect(bench.stderr!);
  const closed = new Promise((resolve) => bench.on("close", resolve));
  bench.stderr!.on("data", () => stderr().includes("measuring ") && bench.kill("SIGINT"));
  await closed;
  const [name, ...more] = readdirSync(join(folder, "results"));
  assert.match(name!, /^bench-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z\.json$/);
  assert.deepEqual(more, []);
});

test("help tells what is really done", async () => {
  const { stdout } = await sluice(["bench", "--help"]);
  assert.match(stdout.replaceAll(/\s+/g, " "), /--workers .* \[default: processors - 2, at least 1, at most 4\]/);
  const run = await sluice(["run", "--help"]);
  assert.match(run.stdout.replaceAll(/\s+/g, " "), /--workers .* \[default: processors - 1, at least 1\]/);
});
