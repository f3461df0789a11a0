import assert from "node:assert/strict";
import type { BenchResult, CellResult, Estimate } from "../../src/measure/result.ts";
import { compareResults, hasRegressed } from "../../src/report/compare.ts";
import { renderComparison } from "../../src/report/comparison.ts";
import { summarized } from "../measure/synthetic.ts";
import { suite } from "../support/suite.ts";
import { emulated, faulted, scaled, shared } from "./sections.ts";

const result = await summarized();
const test = suite("compare");

const isRr = ({ subject, work }: CellResult): boolean => subject === "ipvs-rr" && work === "tcp-connect-request-close";

function enlarged(figure: Estimate, factor: number): Estimate {
  if (figure.interval === null) return figure;
  const [low, high] = figure.interval;
  return { value: figure.value * factor, interval: [low * factor, high * factor], unit: figure.unit };
}

/** The same result with one cell's rate and ratio so many times as high, and its latencies so many times as long. */
function withFactor(rate: number, latency = 1): BenchResult {
  const change = (cell: CellResult): CellResult => ({
    ...cell,
    rate: enlarged(cell.rate, rate),
    ratio: enlarged(cell.ratio!, rate),
    percentiles: cell.percentiles.map((one) => Object.assign({ percentile: one.percentile }, enlarged(one, latency))),
  });
  return { ...result, cells: result.cells.map((cell) => (isRr(cell) ? change(cell) : cell)) };
}

test("a result compared with itself differs in nothing", () => {
  const comparison = compareResults(result, result, 0.05);
  const { changes, hostDiffers, unmatched } = comparison;
  assert.deepEqual([...new Set(changes.map(({ verdict }) => verdict))], ["same"]);
  // Rate, p50 and p99 of six cells, and the ratio of all but the reference's two.
  assert.equal(changes.length, 6 * 4 - 2);
  assert.deepEqual([hostDiffers, unmatched], [[], []]);
  assert.match(renderComparison(comparison, 0.05), /^nothing differs beyond noise\n/);
});

test("a rate that fell beyond noise and threshold is a regression, below the threshold only worse", () => {
  const worse = compareResults(result, withFactor(0.8), 0.05).changes.filter(({ verdict }) => verdict !== "same");
  assert.deepEqual(
    worse.map(({ subject, figure, verdict, regression }) => [subject, figure, verdict, regression]),
    [
      ["ipvs-rr", "rate", "worse", true],
      ["ipvs-rr", "ratio", "worse", true],
    ],
  );
  // 1 / 0.8 − 1 is 25 %.
  assert.ok(compareResults(result, withFactor(0.8), 0.26).changes.every(({ regression }) => !regression));
  const better = compareResults(result, withFactor(1.25), 0.05).changes.filter(({ verdict }) => verdict !== "same");
  assert.deepEqual([...new Set(better.map(({ verdict, regression }) => `${verdict} ${regression}`))], ["better false"]);
});

test("a latency is worse when it is longer", () => {
  const changes = compareResults(result, withFactor(1, 1.5), 0.1).changes.filter(({ verdict }) => verdict !== "same");
  assert.deepEqual(
    changes.map(({ figure, verdict, regression }) => [figure, verdict, regression]),
    [
      ["p50", "worse", true],
      ["p99", "worse", true],
    ],
  );
});

test("the interval of the quotient is that of two independent figures", () => {
  const figure = { value: 10, interval: [9, 11], unit: "1/s" } as const;
  const one = (rate: Estimate): BenchResult => ({ ...result, cells: [{ ...result.cells[0]!, rate, percentiles: [] }] });
  const { quotient } = compareResults(one(figure), one({ value: 20, interval: [19, 22], unit: "1/s" }), 0).changes[0]!;
  assert.ok(Math.abs(quotient!.value - 2) < 1e-12);
  // Down: hypot(ln 20/19, ln 11/10) = 0.1083; up: hypot(ln 22/20, ln 10/9) = 0.1421.
  assert.ok(Math.abs(quotient!.low - 2 * Math.exp(-0.1083)) < 0.001, `${quotient!.low}`);
  assert.ok(Math.abs(quotient!.high - 2 * Math.exp(0.1421)) < 0.001, `${quotient!.high}`);
});

test("on another host only ratios count, and what differs is named", () => {
  const other = withFactor(0.5, 3);
  const moved = { ...other, environment: { ...other.environment, cpuModel: "Another CPU" } };
  const comparison = compareResults(result, moved, 0.05);
  const regressions = comparison.changes.filter(({ regression }) => regression);
  assert.deepEqual(
    regressions.map(({ figure }) => figure),
    ["ratio"],
  );
  assert.deepEqual(comparison.hostDiffers, ["processor: Example CPU, then Another CPU"]);
  assert.match(
    renderComparison(comparison, 0.05),
    /HOSTS DIFFER: processor: Example CPU, then Another CPU; only ratios/,
  );
});

test("another size of messages, generator or number of endpoints is another work: it is named, and nothing is a regression", () => {
  const worse = withFactor(0.5);
  const method = { ...worse.method, generator: "node", messageSize: { value: 6000, unit: "B" } as const };
  const services = worse.services.map((one) => Object.assign({ ...one }, { endpoints: one.endpoints.slice(1) }));
  const before = { ...result, method: { ...result.method, generator: "native" } };
  const comparison = compareResults(before, { ...worse, method, services }, 0.05);
  assert.equal(hasRegressed(comparison), false);
  assert.deepEqual(comparison.workDiffers, [
    "size of messages: 64 B, then 6000 B",
    "load generator: native, then node",
    "services: default/web:http of 3, kube-system/dns:dns of 2, then default/web:http of 2, kube-system/dns:dns of 1",
  ]);
  assert.match(renderComparison(comparison, 0.05), /WORK DIFFERS: size of messages: 64 B, then 6000 B; nothing counts/);
  assert.deepEqual(
    compareResults(result, before, 0.05).workDiffers,
    [],
    "an older document does not say its generator",
  );
});

test("a control that differs, a figure without an interval and a cell that only one has are told", () => {
  const noInterval: Estimate = { value: 3, interval: null, unit: "1/s", reason: "too-few-blocks" };
  const cells = result.cells
    .slice(1)
    .map((cell) => (isRr(cell) ? Object.assign({ ...cell }, { rate: noInterval }) : cell));
  const comparison = compareResults(result, { ...result, cells, control: { ...result.control, differs: true } }, 0.05);
  assert.deepEqual(comparison.doubtful, { before: false, after: true });
  assert.deepEqual(comparison.unmatched, ["direct in tcp-connect-request-close"]);
  assert.equal(comparison.changes.filter(({ verdict }) => verdict === "untold").length, 1);
  const text = renderComparison(comparison, 0.05);
  assert.match(text, /CONTROL DIFFERS in the result after/);
  assert.match(text, /only one of them has direct in tcp-connect-request-close/);
  assert.match(text, / 1 without an interval\n0 regressions of more than 5 %\n/);
});

test("a subject that fails is a regression, though what has no interval cannot be worse; figures that are lost are named", () => {
  const none: Estimate = { value: 0, interval: null, unit: "1/s", reason: "block-without-result" };
  const cells = result.cells.map((cell) => {
    const percentiles = cell.percentiles.map(({ percentile }) => {
      return { percentile, value: null, interval: null, unit: "us", reason: "too-few-answers" } as const;
    });
    return isRr(cell) ? { ...cell, rate: none, ratio: none, percentiles } : cell;
  });
  const failure = { subject: "ipvs-rr", work: "tcp-connect-request-close", reason: "unanswered" } as const;
  const after = { ...result, cells, failures: [failure] };
  const comparison = compareResults(result, after, 0.05);
  assert.deepEqual([comparison.failures, hasRegressed(comparison)], [[failure], true]);
  assert.deepEqual(
    comparison.unmatched,
    ["p50", "p99"].map((name) => `${name} of ipvs-rr in tcp-connect-request-close`),
  );
  assert.match(renderComparison(comparison, 0.05), /FAILED: ipvs-rr left requests unanswered in .* a regression\.\n/);
  // What failed before as well is no change.
  assert.equal(hasRegressed(compareResults(after, after, 0.05)), false);
});

/** The same result with every number of one part so many times as high, its interval with it. */
function times<T>(part: T, factor: number): T {
  if (typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map((one) => times(one, factor)) as T;
  const change = ([name, one]: [string, unknown]): [string, unknown] => {
    // Numbers of services are names.
    if (name === "from" || name === "to") return [name, one];
    if (name === "value" && typeof one === "number") return [name, one * factor];
    if (name === "interval" && Array.isArray(one)) return [name, one.map((end: number) => end * factor)];
    return [name, times(one, factor)];
  };
  return Object.fromEntries(Object.entries(part).map(change)) as T;
}

const parts = [
  ["faults", faulted(result)],
  ["sharing", shared(result)],
  ["scale", scaled(result)],
  ["emulated", emulated(result)],
] as const;

for (const [part, whole] of parts) {
  test(`figures of ${part} are compared: none differs from itself, and twice as much is worse`, () => {
    const same = compareResults(whole, whole, 0.05).changes;
    assert.deepEqual(
      same.filter(({ verdict, figure }) => verdict !== "same" && figure !== "memory"),
      [],
    );
    const twice = { ...whole, [part]: times(whole[part], 2) };
    const own = compareResults(whole, twice, 0.05).changes.filter(({ after, before }) => after.value !== before.value);
    assert.ok(own.length >= 6, `${own.length}`);
    for (const { subject, work, figure, verdict, regression } of own) {
      const expected =
        figure === "memory" ? ["untold", false] : figure === "rate" ? ["better", false] : ["worse", true];
      assert.deepEqual([verdict, regression], expected, `${subject} in ${work}: ${figure}`);
    }
    const text = renderComparison(compareResults(whole, twice, 0.05), 0.05);
    assert.match(text, /REGRESSION/);
    assert.doesNotMatch(text, /NaN|Infinity|undefined/);
  });
}

test("any control that differs makes a comparison doubtful", () => {
  const doubts = [result, emulated(result, 1.2), shared(result, 0.05), emulated(shared(result))].map(
    (one) => compareResults(result, one, 0.05).doubtful,
  );
  assert.deepEqual(
    doubts.map(({ before, after }) => [before, after]),
    [
      [false, false],
      [false, true],
      [false, true],
      [false, false],
    ],
  );
});

test("of means that can be 0 the difference is told, with a sign; from none to some is a regression of any threshold", () => {
  const [before, after] = [faulted(result), faulted(result)];
  const cells = before.faults!.cells.map((cell) =>
    Object.assign(
      { ...cell },
      cell.subject === "ipvs-rr" ? { failed: { value: 0, interval: null, unit: "1", reason: "no-spread" } } : {},
    ),
  );
  const none = { ...before, faults: { ...before.faults!, cells } } as BenchResult;
  const { changes } = compareResults(none, after, 100);
  const lost = changes.find(({ subject, work, figure }) => {
    return subject === "ipvs-rr" && figure === "failed" && work === "a backend dies, fresh connections";
  })!;
  assert.deepEqual([lost.quotient, lost.verdict, lost.regression], [undefined, "worse", true]);
  assert.ok(Math.abs(lost.difference!.value - 6) < 1e-9 && Math.abs(lost.difference!.low - 5.4) < 1e-9);
  assert.match(
    renderComparison(compareResults(none, after, 1), 1),
    /a backend dies, fresh connections +ipvs-rr +failed +0 +6\.00 +\+6\.00 \[\+5\.40, \+6\.60\] +REGRESSION/,
  );
});

test("on another host counts and shares still count, times do not; what only one result has is named", () => {
  const before = emulated(scaled(result));
  const after = {
    ...before,
    scale: times(before.scale!, 2),
    emulated: times(before.emulated!, 2),
    environment: { ...before.environment, cpuModel: "Another CPU" },
  };
  const { changes } = compareResults(before, after, 0.05);
  const regressed = new Set(changes.filter(({ regression }) => regression).map(({ figure }) => figure));
  assert.deepEqual([...regressed].sort(), [
    "bytes of one endpoint",
    "full sync bytes",
    "growth of p50",
    "rules passed",
    "share error",
  ]);
  const { unmatched } = compareResults(before, result, 0.05);
  for (const name of ["nftables@kernel:1000 in sync", "nftables@emulated in decisions on default/web:http"]) {
    assert.ok(unmatched.includes(name), name);
  }
});

test("the table names work, subject and figure, both values and their quotient", () => {
  const text = renderComparison(compareResults(result, withFactor(0.8), 0.05), 0.05);
  assert.match(
    text,
    /tcp-connect-request-close +ipvs-rr +rate +3,991\/s +3,19\d\/s +0\.800 \[0\.\d{3}, 0\.\d{3}\] +REGRESSION\n/,
  );
});
