import assert from "node:assert/strict";
import { emptySnapshot } from "../../src/cluster/state.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import {
  type BenchOptions,
  defaultWorkers,
  modesOf,
  resolveBenchOptions,
  subjectNames,
} from "../../src/lab/options.ts";
import { planTiming } from "../../src/lab/plan.ts";
import { trackProgress } from "../../src/lab/progress.ts";
import { manualClock } from "../../src/core/clock.ts";
import { workNames } from "../../src/measure/work.ts";
import { suite } from "../support/suite.ts";

const test = suite("bench options");
const resolve = (options: Partial<BenchOptions>) =>
  resolveBenchOptions({ snapshot: emptySnapshot, nodeName: "", ...options });
const invalid = (path: string) => (error: unknown) =>
  isSluiceError(error, "CONFIG_INVALID") && error.details.path === path;

test("by default the five subjects do all works within 80 s", () => {
  const { subjects, works, budgetMs, messageBytes } = resolve({});
  assert.deepEqual(
    subjects.map(({ name }) => name),
    ["userspace", "iptables", "ipvs-rr", "ipvs-lc", "ipvs-sed"],
  );
  assert.deepEqual(works, workNames);
  assert.equal(budgetMs, 80_000);
  assert.equal(messageBytes, 64);
});

test("a subject's name tells its mode and scheduler, and direct is there anyway", () => {
  const { subjects } = resolve({ subjects: ["ipvs-lc", "direct", "iptables"] });
  assert.deepEqual(subjects, [
    { name: "ipvs-lc", mode: "ipvs", scheduler: "lc" },
    { name: "iptables", mode: "iptables", scheduler: undefined },
  ]);
  assert.deepEqual(resolve({ subjects: [] }).subjects, []);
});

test("every name that is offered can be resolved", () => {
  assert.equal(resolve({ subjects: subjectNames }).subjects.length, subjectNames.length);
});

test("the modes of the subjects are told, each once", () => {
  assert.deepEqual(modesOf(resolve({}).subjects), ["userspace", "iptables", "ipvs"]);
  assert.deepEqual(modesOf(resolve({ subjects: ["direct"] }).subjects), []);
});

test("two processors are left to the generator and the backends, and four worker threads are enough", () => {
  assert.deepEqual([1, 2, 3, 4, 6, 7, 64].map(defaultWorkers), [1, 1, 1, 2, 4, 4, 4]);
});

test("what is wrong is named", () => {
  assert.throws(() => resolve({ subjects: ["nginx"] }), invalid("subjects"));
  assert.throws(() => resolve({ subjects: ["iptables", "iptables"] }), invalid("subjects"));
  assert.throws(() => resolve({ works: ["http"] }), invalid("works"));
  assert.throws(() => resolve({ works: [] }), invalid("works"));
  assert.throws(() => resolve({ budgetMs: Number.NaN }), invalid("budgetMs"));
  assert.throws(() => resolve({ workers: 0 }), invalid("workers"));
  assert.throws(() => resolve({ seed: -1 }), invalid("seed"));
  assert.throws(() => resolve({ messageBytes: 8 }), invalid("messageBytes"));
});

test("80 s hold ten blocks of 28 slices of at least 200 ms", () => {
  const { blocks, windowMs } = planTiming(80_000, 28);
  assert.equal(blocks, 10);
  assert.ok(windowMs >= 200, `${windowMs}`);
  assert.ok((blocks + 1) * 28 * windowMs < 80_000);
});

test("fewer cells make more blocks, then longer slices, and need not use up the budget", () => {
  assert.equal(planTiming(80_000, 12).blocks, 26);
  const few = planTiming(80_000, 3);
  assert.equal(few.blocks, 30);
  assert.ok(few.windowMs > 700 && few.windowMs <= 1000, `${few.windowMs}`);
  assert.equal(planTiming(3_600_000, 3).windowMs, 1000);
});

test("a budget that does not hold ten blocks is refused, with the least that would do", () => {
  assert.throws(
    () => planTiming(30_000, 28),
    (error) => {
      assert.ok(isSluiceError(error, "CONFIG_INVALID"));
      const { path, expected, received } = error.details;
      assert.deepEqual([path, expected, received], ["budgetMs", "at least 76 s for 10 blocks of 28 slices", "30 s"]);
      return true;
    },
  );
  assert.equal(planTiming(76_000, 28).blocks, 10);
});

test("progress is judged by the slices so far", () => {
  const clock = manualClock();
  const seen: unknown[] = [];
  const onSlice = trackProgress(clock, (progress) => seen.push(progress));
  clock.advance(500);
  onSlice(1, 10);
  clock.advance(1500);
  onSlice(2, 10);
  assert.deepEqual(seen, [
    { done: 1, total: 10, secondsLeft: 5 },
    { done: 2, total: 10, secondsLeft: 8 },
  ]);
});
