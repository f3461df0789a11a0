import assert from "node:assert/strict";
import { emptySnapshot } from "../../src/cluster/state.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import {
  type BenchOptions,
  defaultWorkers,
  modesOf,
  type Progress,
  resolveBenchOptions,
  subjectNames,
} from "../../src/lab/options.ts";
import { planTiming } from "../../src/lab/plan.ts";
import { trackProgress } from "../../src/lab/progress.ts";
import { manualClock } from "../../src/core/clock.ts";
import { workKinds } from "../../src/measure/work.ts";
import { experiment, plan } from "../measure/synthetic.ts";
import { suite } from "../support/suite.ts";

const test = suite("bench options");
const resolve = (options: Partial<BenchOptions>) =>
  resolveBenchOptions({ snapshot: emptySnapshot, nodeName: "", ...options });
const invalid = (path: string) => (error: unknown) =>
  isSluiceError(error, "CONFIG_INVALID") && error.details.path === path;

test("by default the five subjects do all works within 80 s, or until ratios are known to 2 %", () => {
  const { subjects, works, budgetMs, precision, messageBytes } = resolve({});
  assert.deepEqual(
    subjects.map(({ name }) => name),
    ["userspace", "iptables", "ipvs-rr", "ipvs-lc", "ipvs-sed"],
  );
  assert.equal(precision, 0.02);
  assert.deepEqual(works, workKinds.slice(0, 4));
  assert.equal(budgetMs, 80_000);
  assert.equal(messageBytes, 64);
});

test("a subject's name tells its mode and scheduler, and direct is there anyway", () => {
  const { subjects } = resolve({ subjects: ["ipvs-lc", "direct", "iptables"] });
  assert.deepEqual(subjects, [
    { name: "ipvs-lc", mode: "ipvs", scheduler: "lc", engine: undefined },
    { name: "iptables", mode: "iptables", scheduler: undefined, engine: undefined },
  ]);
  assert.deepEqual(resolve({ subjects: ["ipvs-rr@node", "nginx", "nftables@native"] }).subjects, [
    { name: "ipvs-rr@node", mode: "ipvs", scheduler: "rr", engine: "node" },
    { name: "nginx", peer: "nginx", version: "" },
    { name: "nftables@native", mode: "nftables", scheduler: undefined, engine: "native" },
  ]);
  assert.deepEqual(resolve({ subjects: ["nftables@emulated", "ipvs-sh@emulated"] }).subjects, [
    { name: "nftables@emulated", mode: "nftables", scheduler: undefined, emulated: true },
    { name: "ipvs-sh@emulated", mode: "ipvs", scheduler: "sh", emulated: true },
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
  assert.throws(() => resolve({ subjects: ["envoy"] }), invalid("subjects"));
  assert.throws(() => resolve({ subjects: ["nginx@node"] }), invalid("subjects"));
  assert.throws(() => resolve({ subjects: ["ipvs-rr@rust"] }), invalid("subjects"));
  assert.throws(() => resolve({ subjects: ["iptables", "iptables"] }), invalid("subjects"));
  assert.throws(() => resolve({ subjects: ["nginx@emulated"] }), invalid("subjects"));
  for (const kind of ["faults", "balance"] as const) {
    assert.throws(() => resolve({ subjects: ["iptables@emulated"], kind }), invalid("subjects"), kind);
  }
  assert.throws(() => resolve({ works: ["http"] }), invalid("works"));
  assert.throws(() => resolve({ works: [] }), invalid("works"));
  for (const work of ["tcp-bulk@10", "tcp-request-response@", "udp-request-response@0", "tcp-request-response@1.5"]) {
    assert.throws(() => resolve({ works: [work] }), invalid("works"), work);
  }
  assert.throws(() => resolve({ precision: -0.1 }), invalid("precision"));
  assert.throws(() => resolve({ precision: Number.NaN }), invalid("precision"));
  assert.throws(() => resolve({ budgetMs: Number.NaN }), invalid("budgetMs"));
  assert.throws(() => resolve({ workers: 0 }), invalid("workers"));
  assert.throws(() => resolve({ seed: -1 }), invalid("seed"));
  assert.throws(() => resolve({ messageBytes: 8 }), invalid("messageBytes"));
});

test("a kind of work with a rate is an open loop; both may stand beside each other", () => {
  const works = ["tcp-request-response", "tcp-request-response@500", "udp-request-response@1000000"];
  assert.deepEqual(resolve({ works }).works, works);
});

test("80 s hold ten blocks of 32 slices of at least 165 ms, and the reference's probes", () => {
  const { blocks, windowMs } = planTiming(80_000, 8, 4);
  assert.equal(blocks, 10);
  assert.ok(windowMs >= 165, `${windowMs}`);
  assert.ok(((blocks + 1) * 32 + 8) * (windowMs + 35) <= 76_500);
});

test("fewer cells make more blocks, then longer slices, and need not use up the budget", () => {
  assert.equal(planTiming(80_000, 6, 2).blocks, 30);
  const few = planTiming(520_000, 3, 1);
  assert.equal(few.blocks, 240);
  assert.ok(few.windowMs > 600 && few.windowMs <= 1000, `${few.windowMs}`);
  assert.equal(planTiming(3_600_000, 3, 1).windowMs, 1000);
});

test("a budget that does not hold ten blocks is refused, with the least that would do", () => {
  assert.throws(
    () => planTiming(30_000, 7, 4),
    (error) => {
      assert.ok(isSluiceError(error, "CONFIG_INVALID"));
      const { path, expected, received } = error.details;
      assert.deepEqual([path, expected, received], ["budgetMs", "at least 67 s for 10 blocks of 28 slices", "30 s"]);
      return true;
    },
  );
  assert.equal(planTiming(67_000, 7, 4).blocks, 10);
});

test("progress is judged by the slices so far, and shows the rates of blocks that count", () => {
  const clock = manualClock();
  const seen: Progress[] = [];
  const onSlice = trackProgress(clock, plan, (progress) => seen.push(progress));
  const { slices } = experiment();
  clock.advance(500);
  onSlice(1, 10, slices[0]!);
  clock.advance(1500);
  onSlice(
    2,
    10,
    slices.find(({ block, cell }) => block === 1 && cell.subject === 2)!,
  );
  assert.deepEqual(
    seen.map(({ done, total, secondsLeft }) => [done, total, secondsLeft]),
    [
      [1, 10, 5],
      [2, 10, 8],
    ],
  );
  // The warm-up is no figure.
  assert.ok(seen[0]!.cells.every(({ rates }) => rates.length === 0));
  assert.equal(seen[1]!.cells.length, 6);
  const measured = seen[1]!.cells.filter(({ rates }) => rates.length > 0);
  assert.deepEqual(
    measured.map(({ subject, work, unit, rates }) => [subject, work, unit, rates.length]),
    [["ipvs-rr", "tcp-connect-request-close", "1/s", 1]],
  );
});
