import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { BenchResult, Estimate } from "../../src/measure/result.ts";
import type { Experiment, Slice } from "../../src/measure/experiment.ts";
import { createLatencyHistogram, encodeHistogram, recordLatency } from "../../src/measure/histogram.ts";
import { isPrecise } from "../../src/measure/precision.ts";
import { noteTexts } from "../../src/report/notes.ts";
import { suite } from "../support/suite.ts";
import { inProject } from "../support/root.ts";
import { cutAfter, experiment, noErrors, plan, summarized, withSlice } from "./synthetic.ts";

const test = suite("result");
const units = new Set(["1", "1/s", "B/s", "B", "MiB", "s", "ms", "us", "ns"]);

const cellOf = ({ cells }: BenchResult, subject: string, work = "tcp-connect-request-close") =>
  cells.find((cell) => cell.subject === subject && cell.work === work)!;
const widthOf = ({ interval }: Estimate): number => interval![1] - interval![0];
const isRr = ({ cell, block }: Slice): boolean => cell.subject === 2 && block === 3;
const withSample =
  (change: Partial<Slice["sample"]>) =>
  (slice: Slice): Slice => ({ ...slice, sample: { ...slice.sample, ...change } });

/** Paths of figures that are null and do not say why. */
function silentNulls(node: unknown, path = "result"): string[] {
  if (typeof node !== "object" || node === null) return [];
  const entries = Object.entries(node).flatMap(([key, value]) => silentNulls(value, `${path}.${key}`));
  const isFigure = "unit" in node && Object.values(node).includes(null);
  return isFigure && !("reason" in node) ? [path, ...entries] : entries;
}

/** Paths of numbers that have no unit beside them, and of units that are none. */
function bareFigures(node: unknown, path = "result"): string[] {
  if (typeof node === "number") return [path];
  if (Array.isArray(node)) return node.flatMap((one, at) => bareFigures(one, `${path}[${at}]`));
  if (typeof node !== "object" || node === null) return [];
  const entries = Object.entries(node);
  if (!("unit" in node)) return entries.flatMap(([key, value]) => bareFigures(value, `${path}.${key}`));
  const wrong = typeof node.unit === "string" && units.has(node.unit) ? [] : [`${path}.unit`];
  return wrong.concat(
    entries
      .filter(([, value]) => typeof value === "object" && value !== null && !Array.isArray(value))
      .map(([key]) => `${path}.${key}`),
  );
}

test("every figure of the document stands beside its unit", async () => {
  const result = JSON.parse(JSON.stringify(await summarized())) as unknown;
  assert.deepEqual(bareFigures(result), []);
  assert.deepEqual(bareFigures({ rate: 5 }), ["result.rate"]);
  assert.deepEqual(bareFigures([{ value: 5, unit: "furlong" }]), ["result[0].unit"]);
});

test("every figure that is null says why, however far the run came", async () => {
  for (const blocks of [-1, 0, 1, 4, 6]) {
    const result = await summarized({ experiment: cutAfter(blocks) });
    assert.deepEqual(silentNulls(result), [], `${blocks} blocks`);
    assert.deepEqual(bareFigures(result), [], `${blocks} blocks`);
  }
  assert.deepEqual(silentNulls({ rate: { value: null, unit: "1" } }), ["result.rate"]);
});

test("the fields of the document are those of its version (SLUICE_GOLDEN=1 records them anew)", async () => {
  const file = inProject("test", "golden", "report", "fields.txt");
  const result = await summarized();
  const text = `${[result.schema, ...new Set(fieldsOf(result))].join("\n")}\n`;
  if (process.env["SLUICE_GOLDEN"] !== undefined) writeFileSync(file, text);
  // Another list means another version: a reader relies on `schema` to know what is there.
  assert.equal(text, readFileSync(file, "utf8"));
});

/** Paths of all fields; of a list the fields of its entries. */
function fieldsOf(node: unknown, path = ""): string[] {
  if (typeof node !== "object" || node === null) return [path];
  if (Array.isArray(node)) return [path, ...node.flatMap((one) => fieldsOf(one, `${path}[]`))];
  return Object.entries(node).flatMap(([key, value]) => fieldsOf(value, path === "" ? key : `${path}.${key}`));
}

test("the document survives JSON: no figure is lost as NaN, Infinity or undefined", async () => {
  const result = await summarized();
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
});

test("there is one cell for each subject doing each work, works first", async () => {
  const { cells, works, subjects } = await summarized();
  assert.deepEqual(
    cells.map(({ work, subject }) => `${work} ${subject}`),
    works.flatMap(({ work }) => subjects.map(({ subject }) => `${work} ${subject}`)),
  );
});

test("ratios are paired within blocks, so that what slows a whole block down cancels", async () => {
  const { ratio, rate } = cellOf(await summarized(), "ipvs-rr");
  // 4000/10000, with noise of 2 % at most; blocks as a whole differ by 20 %.
  assert.ok(Math.abs(ratio!.value! - 0.4) < 0.002, `${ratio!.value}`);
  assert.ok(widthOf(ratio!) < 0.02, String(ratio!.interval));
  assert.ok(widthOf(rate) > 300, String(rate.interval));
});

test("the reference has no ratio, the control has one that holds 1", async () => {
  const result = await summarized();
  assert.equal(cellOf(result, "direct").ratio, null);
  assert.equal(result.control.differs, false);
  assert.deepEqual(
    result.control.ratios.map(({ holdsOne }) => holdsOne),
    [true, true],
  );
});

test("the control of an open loop is held against the median latency, since its rate is what was asked for", async () => {
  const work = "tcp-request-response@1000" as const;
  const { slices, limits } = experiment();
  // Of direct again every answer takes half as long again.
  const opened = (slowdown: number, answers = 100) =>
    slices
      .filter(({ cell }) => cell.work === "tcp-connect-request-close")
      .map((slice): Slice => {
        const latency = createLatencyHistogram();
        const factor =
          (slice.cell.subject === 1 ? slowdown : 1) * (1 + 0.01 * ((slice.block + slice.cell.subject) % 3));
        for (let at = 1; at <= answers; at += 1) recordLatency(latency, factor * at);
        const sample = { ...slice.sample, operations: 500, latency: encodeHistogram(latency) };
        return Object.assign({ ...slice }, { cell: { ...slice.cell, work }, sample });
      });
  const controlOf = async (slowdown: number, answers?: number) => {
    const measured: Experiment = { slices: opened(slowdown, answers), limits: limits.slice(0, 1), endedBy: "plan" };
    return summarized({ plan: { ...plan, works: [work] }, experiment: measured });
  };
  const { control, cells } = await controlOf(1.5);
  assert.deepEqual([control.differs, control.ratios[0]!.figure], [true, "p50"]);
  assert.ok(Math.abs(control.ratios[0]!.ratio.value! - 1.5) < 0.03);
  assert.equal(cells[2]!.ratioDoubtful, true);
  assert.equal((await controlOf(1)).control.differs, false);
  const rare = await controlOf(1, 10);
  assert.deepEqual([rare.control.differs, silentNulls(rare), bareFigures(rare)], [null, [], []]);
  assert.match(JSON.stringify(rare.control.ratios), /"reason":"too-few-answers"/);
  const made = opened(1);
  assert.ok(isPrecise({ ...plan, works: [work] }, doubled(made), 0.02));
  const uneven = doubled(made).map((slice) =>
    slice.cell.subject === 2 && slice.block % 2 === 1 ? slower(slice) : slice,
  );
  assert.ok(!isPrecise({ ...plan, works: [work] }, uneven, 0.02), "rates agree, latencies do not");
});

test("a percentile that a mean of blocks hides stands beside it, and is noted", async () => {
  const stalled = (slice: Slice): Slice => {
    const latency = createLatencyHistogram();
    for (let at = 1; at <= 2000; at += 1) recordLatency(latency, at <= 1000 ? 100 : 1);
    return { ...slice, sample: { ...slice.sample, latency: encodeHistogram(latency) } };
  };
  const result = await summarized({ experiment: withSlice(experiment(), isRr, stalled) });
  const { percentiles } = cellOf(result, "ipvs-rr");
  const p99 = percentiles.find(({ percentile }) => percentile === "99")!;
  // Of 14,000 answers 1,000 took 100 ms: one in 14.
  assert.ok(p99.overall!.value! > 99_000 && p99.interval![1] < 66_000, JSON.stringify(p99));
  const note = noteTexts(result).find((text) => text.startsWith("A FEW BLOCKS ARE FAR SLOWER"));
  assert.match(note!, /ipvs-rr has in tcp-connect-request-close .*p99 100 ms where blocks come to \d/);
  assert.ok(!JSON.stringify(await summarized()).includes("overall"));
});

/** As many blocks again, with numbers that follow. */
function doubled(slices: readonly Slice[]): Slice[] {
  const counted = slices.filter(({ block }) => block > 0);
  return [...counted, ...counted.map((slice) => Object.assign({ ...slice }, { block: slice.block + plan.blocks }))];
}

function slower(slice: Slice): Slice {
  const latency = createLatencyHistogram();
  for (let at = 1; at <= 100; at += 1) recordLatency(latency, 2 * at);
  return { ...slice, sample: { ...slice.sample, latency: encodeHistogram(latency) } };
}

test("a control whose ratio leaves 1 makes the run too noisy", async () => {
  const slices = experiment().slices.map((slice) =>
    slice.cell.subject === 1 ? withSample({ operations: Math.round(slice.sample.operations * 0.9) })(slice) : slice,
  );
  const { control, cells } = await summarized({ experiment: { ...experiment(), slices } });
  assert.equal(control.differs, true);
  // Those of the works it differs in: here of both. The reference has no ratio to doubt.
  assert.deepEqual(
    [...new Set(cells.map(({ subject, ratioDoubtful }) => `${subject} ${ratioDoubtful}`))],
    ["direct false", "direct-again true", "ipvs-rr true"],
  );
});

test("percentiles are microseconds of all blocks together", async () => {
  // Latencies of subject 2 are even over 0…3 ms.
  const { percentiles } = cellOf(await summarized(), "ipvs-rr");
  const values = Object.fromEntries(percentiles.map(({ percentile, value }) => [percentile, value]));
  for (const [percentile, expected] of Object.entries({ "50": 1500, "90": 2700, "99": 2970, "99.9": 2997 })) {
    assert.ok(Math.abs(values[percentile]! - expected) < 5, `p${percentile}: ${values[percentile]}`);
  }
  // 12,000 answers: one of them lies beyond.
  assert.deepEqual(percentiles.at(-1), {
    percentile: "99.99",
    value: null,
    interval: null,
    unit: "us",
    reason: "too-few-answers",
  });
  // Blocks are alike, so that leaving one out changes nothing.
  assert.ok(widthOf(percentiles[0]!) < 5, String(percentiles[0]!.interval));
});

test("the warm-up counts for no figure", async () => {
  const result = await summarized();
  const { blocks, distribution } = cellOf(result, "ipvs-rr");
  assert.equal(blocks.operations.values.length, plan.blocks);
  const counted = experiment().slices.filter(({ cell, block }) => cell.subject === 2 && block > 0);
  const opened = counted
    .filter(({ cell }) => cell.work.startsWith("tcp"))
    .reduce((n, { sample }) => n + sample.opened, 0);
  assert.equal(
    distribution.counts.values.reduce((sum, n) => sum + n, 0),
    opened,
  );
});

test("a kept promise is said to be kept, without failures", async () => {
  const result = await summarized();
  assert.deepEqual(result.failures, []);
  assert.equal(cellOf(result, "ipvs-rr").distribution.check.outcome, "kept");
  assert.equal(cellOf(result, "direct").distribution.check.outcome, "unchecked");
});

for (const [what, change, reason] of [
  ["a wrong answer", withSample({ errors: { ...noErrors, wrong: 1 } }), "wrong-answer"],
  ["a request without an answer", withSample({ errors: { ...noErrors, timedOut: 1 } }), "unanswered"],
  ["an answer that no backend knows of", withSample({ answers: 1 }), "lost-count"],
  [
    "a backend that was passed over",
    (slice: Slice): Slice => {
      const [first, second, ...rest] = slice.seen;
      const moved = { ...first!, connections: first!.connections + 2 };
      return { ...slice, seen: [moved, { ...second!, connections: second!.connections - 2 }, ...rest] };
    },
    "promise-broken",
  ],
] as const) {
  test(`${what} fails the run and names subject and work`, async () => {
    const { failures } = await summarized({ experiment: withSlice(experiment(), isRr, change) });
    assert.deepEqual(failures, [{ subject: "ipvs-rr", work: "tcp-connect-request-close", reason }]);
  });
}

test("an experiment that was stopped in its warm-up has figures that are null, with reasons, and no failures", async () => {
  const result = await summarized({ experiment: { slices: [], limits: [], endedBy: "signal" } });
  assert.deepEqual([result.complete, result.endedBy], [false, "signal"]);
  assert.equal(result.method.blocks.value, 0);
  const { rate, ratio, percentiles, latency, distribution } = cellOf(result, "ipvs-rr");
  assert.equal(latency, null);
  const missing = { value: null, reason: "too-few-blocks" };
  assert.deepEqual(rate, { ...missing, interval: null, unit: "1/s" });
  assert.deepEqual(ratio, { ...missing, interval: null, unit: "1" });
  for (const one of percentiles)
    assert.deepEqual({ ...one, percentile: "" }, { ...missing, percentile: "", interval: null, unit: "us" });
  assert.deepEqual(distribution.shareError, { ...missing, unit: "1" });
  assert.deepEqual(distribution.shares, { values: null, unit: "1", reason: "no-flows" });
  assert.deepEqual([distribution.check.outcome, distribution.check.worst], ["unchecked", { ...missing, unit: "1" }]);
  assert.equal(result.control.differs, null);
  assert.deepEqual(result.failures, []);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
});

test("with fewer blocks than an interval needs nothing is said of noise, shares or kept promises", async () => {
  const four = await summarized({ experiment: cutAfter(4) });
  const few = cellOf(four, "ipvs-rr");
  assert.deepEqual([four.method.blocks.value, four.method.fewestBlocks.value], [4, 5]);
  assert.ok(few.rate.value! > 0 && few.distribution.counts.values.every((count) => count > 0));
  assert.deepEqual([few.distribution.shareError.value, few.distribution.check.outcome], [null, "unchecked"]);
  assert.deepEqual([four.control.differs, four.control.ratios[0]!.holdsOne], [null, null]);

  const five = await summarized({ experiment: cutAfter(5, "budget") });
  const enough = cellOf(five, "ipvs-rr");
  assert.equal(five.endedBy, "budget");
  assert.deepEqual([enough.distribution.check.outcome, five.control.differs], ["kept", false]);
  assert.ok(enough.distribution.shareError.value! < 0.001, `${enough.distribution.shareError.value}`);
});

test("a promise that is broken is so after one block, too", async () => {
  const moved = (slice: Slice): Slice => {
    const [first, second, ...rest] = slice.seen;
    return { ...slice, seen: [{ ...first!, connections: first!.connections + 9 }, second!, ...rest] };
  };
  const isFirst = ({ cell, block }: Slice): boolean => cell.subject === 2 && block === 1;
  const { failures, cells } = await summarized({ experiment: withSlice(cutAfter(1), isFirst, moved) });
  assert.deepEqual(failures, [{ subject: "ipvs-rr", work: "tcp-connect-request-close", reason: "promise-broken" }]);
  assert.equal(cells.find(({ subject }) => subject === "ipvs-rr")!.distribution.check.outcome, "broken");
});

test("a subject that did nothing has rate 0 and no interval", async () => {
  const idle = { connections: 0, flows: 0, requests: 0, bytesIn: 0, bytesOut: 0 };
  const dead = (slice: Slice): Slice =>
    Object.assign(withSample({ operations: 0, answers: 0 })(slice), { seen: slice.seen.map(() => idle) });
  const slices = experiment().slices.map((slice) => (slice.cell.subject === 2 ? dead(slice) : slice));
  const { rate, ratio, distribution } = cellOf(
    await summarized({ experiment: { ...experiment(), slices } }),
    "ipvs-rr",
  );
  assert.deepEqual([rate.value, rate.interval, ratio!.value], [0, null, 0]);
  assert.equal("reason" in rate && rate.reason, "block-without-result");
  assert.deepEqual(distribution.shareError, { value: null, unit: "1", reason: "no-flows" });
});

test("a thread of ours that has no time left is named as the bottleneck; of the reference it is no news", async () => {
  const result = await summarized();
  assert.deepEqual(
    ["direct", "ipvs-rr"].map((subject) => cellOf(result, subject).bottleneck),
    ["generator", null],
  );
  const full = (slice: Slice): Slice => ({ ...slice, busy: { generator: 0.5, backends: 0.99 } });
  const slices = experiment().slices.map(full);
  const bound = cellOf(await summarized({ experiment: { ...experiment(), slices } }), "ipvs-rr");
  assert.deepEqual([bound.bottleneck, bound.endpointsBusy.value, bound.sentLate.value], ["endpoints", 0.99, null]);
});

test("the limit of generator and endpoints stands there for each work, with how busy they were", async () => {
  const { limits, works } = await summarized();
  assert.deepEqual(
    limits.map(({ work }) => work),
    works.map(({ work }) => work),
  );
  assert.deepEqual(limits[0]!.rate, { value: 10_000, unit: "1/s" });
  assert.deepEqual([limits[0]!.generatorBusy.value, limits[0]!.endpointsBusy.value], [0.97, 0.25]);
});

test("a run that ended since its figures are precise is complete, and says how precise", async () => {
  const { complete, endedBy, method } = await summarized({ experiment: cutAfter(5, "precision") });
  assert.deepEqual([complete, endedBy, method.precision.value], [true, "precision", 0.02]);
});

test("processor time is what the subject ran for each operation, block by block; one that does not tell has none", async () => {
  // 20 µs an operation, and in half of the blocks 30.
  const costly = (slice: Slice): Slice =>
    slice.cell.subject < 2
      ? slice
      : { ...slice, processorMs: (slice.sample.operations * (slice.block % 2 === 0 ? 20 : 30)) / 1000 };
  const slices = experiment().slices.map(costly);
  const result = await summarized({ experiment: { ...experiment(), slices } });
  assert.equal(cellOf(result, "direct").processorTime, undefined);
  const { value, interval, unit } = cellOf(result, "ipvs-rr").processorTime!;
  assert.deepEqual([value?.toFixed(6), unit], ["25.000000", "us"]);
  // Standard deviation 5.48, of the mean of six 2.236; t with 5 degrees is 2.571.
  assert.deepEqual(
    interval!.map((end) => end.toFixed(2)),
    ["19.25", "30.75"],
  );
  const mute = (slice: Slice): Slice => (slice.block === 3 ? { ...slice, processorMs: undefined } : slice);
  const silent = slices.map(mute);
  const untold = await summarized({ experiment: { ...experiment(), slices: silent } });
  assert.equal(cellOf(untold, "ipvs-rr").processorTime, undefined);
});
