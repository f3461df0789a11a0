import assert from "node:assert/strict";
import { systemClock } from "../../src/core/clock.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import { lineLog } from "../../src/core/log.ts";
import { runBench } from "../../src/lab/bench.ts";
import type { Progress } from "../../src/lab/options.ts";
import { suite } from "../support/suite.ts";
import { smallCluster } from "./small-cluster.ts";

const test = suite("bench", { timeoutMs: 60_000, sampled: 4 });
const shortest = { subjects: ["ipvs-rr"], works: ["tcp-connect-request-close"], budgetMs: 10_900 } as const;
/** A run plans for its budget to the last; on a busy host that is too short, which these tests are not about. */
const patient = { startedMs: systemClock.nowMs() + 120_000 };
const common = { snapshot: smallCluster, nodeName: "node-a" };

test("the shortest run: ten blocks of three subjects, with intervals, the seed told, and progress on the way", async () => {
  const progress: Progress[] = [];
  const lines: string[] = [];
  const result = await runBench({
    ...common,
    ...shortest,
    ...patient,
    seed: 99,
    log: lineLog((line) => lines.push(line)),
    onProgress: (one) => progress.push(one),
  });
  assert.deepEqual([result.complete, result.endedBy], [true, "plan"]);
  // On a host so busy that an answer takes 2 s it is rightly told.
  assert.deepEqual(
    result.failures.filter(({ reason }) => reason !== "unanswered"),
    [],
  );
  assert.equal(result.method.blocks.value, 10);
  assert.equal(result.method.seed, "99");
  assert.match(
    lines.join(""),
    /measuring default\/web:http by the (native|node) generator: 10 blocks and a warm-up, slices of 1\d\d ms, at most 10\.9 s, seed 99\n/,
  );
  assert.deepEqual(
    result.cells.map(({ subject }) => subject),
    ["direct", "direct-again", "ipvs-rr"],
  );
  const [, control, rr] = result.cells;
  // A host so busy that some slice completed nothing has no interval.
  if (result.cells.every(({ blocks }) => !blocks.rate.values.includes(0))) {
    const [low, high] = rr!.ratio!.interval!;
    assert.ok(low <= rr!.ratio!.value! && rr!.ratio!.value! <= high);
    assert.equal(typeof result.control.ratios[0]!.holdsOne, "boolean");
  }
  assert.equal(control!.blocks.rate.values.length, 10);
  // Only what is in between has threads of its own.
  assert.equal(control!.processorTime, undefined);
  assert.ok(rr!.processorTime!.value! > 0);
  assert.equal(result.services[0]!.endpoints[0]!.endpoint, "10.244.0.11:8080");
  assert.match(result.environment.engine, /^(native: C and epoll|node: net and dgram), \d worker threads? a subject; /);
  // Twice the reference alone, a warm-up and ten blocks.
  assert.equal(progress.length, 35);
  const { done, total, secondsLeft, cells } = progress.at(-1)!;
  assert.deepEqual([done, total, secondsLeft], [35, 35, 0]);
  assert.deepEqual(
    cells.map(({ subject, rates }) => [subject, rates.length]),
    [
      ["direct", 10],
      ["direct-again", 10],
      ["ipvs-rr", 10],
    ],
  );
});

test("subjects without traffic stand beside those with it, with figures of their own", async () => {
  const abort = new AbortController();
  const result = await runBench({
    ...common,
    ...shortest,
    ...patient,
    subjects: ["nftables@emulated", "ipvs-rr", "ipvs-rr@emulated"],
    budgetMs: 14_900,
    signal: abort.signal,
    onProgress: () => abort.abort(),
  });
  assert.deepEqual(
    result.subjects.map(({ subject }) => subject),
    ["direct", "direct-again", "ipvs-rr"],
  );
  const { subjects, cells } = result.emulated!;
  assert.deepEqual(
    subjects.map(({ subject }) => subject),
    ["nftables@emulated", "ipvs-rr@emulated"],
  );
  assert.deepEqual(
    cells.map(({ servicePort, check }) => [servicePort, check.outcome === "broken"]),
    [
      ["default/web:http", false],
      ["default/web:http", false],
    ],
  );
});

test("a signal stops it, and whole blocks are kept", async () => {
  const abort = new AbortController();
  const result = await runBench({
    ...common,
    ...shortest,
    ...patient,
    signal: abort.signal,
    // The warm-up and one block are done, and the next one has begun.
    onProgress: ({ done }) => done === 9 && abort.abort(),
  });
  assert.deepEqual([result.complete, result.endedBy], [false, "signal"]);
  assert.equal(result.method.blocks.value, 1);
  assert.deepEqual(
    result.cells.map(({ blocks }) => blocks.rate.values.length),
    [1, 1, 1],
  );
  assert.equal(result.cells[2]!.rate.interval, null);
});

test("a signal that has come already stops it before the warm-up", async () => {
  const result = await runBench({ ...common, ...shortest, signal: AbortSignal.abort() });
  assert.deepEqual([result.complete, result.endedBy], [false, "signal"]);
  assert.equal(result.cells[0]!.rate.value, null);
});

test("the budget is a deadline: a run that began long ago ends with what it has, and says so", async () => {
  const lines: string[] = [];
  const result = await runBench({
    ...common,
    ...shortest,
    startedMs: systemClock.nowMs() - shortest.budgetMs,
    log: lineLog((line) => lines.push(line)),
  });
  assert.deepEqual([result.complete, result.endedBy, result.method.blocks.value], [false, "budget", 0]);
  assert.deepEqual(result.method.budget, { value: shortest.budgetMs / 1000, unit: "s" });
  assert.deepEqual(result.failures, []);
  assert.match(lines.at(-1)!, /^warning: the budget of 10\.9 s is over: ending with the blocks that are whole\n$/);
});

test("a budget that is too short is refused before anything is opened", async () => {
  const never = (): never => assert.fail("a dataplane was made");
  await assert.rejects(runBench({ ...common, ...shortest, budgetMs: 5000 }, never), (error) =>
    isSluiceError(error, "CONFIG_INVALID"),
  );
});
