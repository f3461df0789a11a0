import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { BenchResult, CellResult, MeasuredService } from "../../src/measure/result.ts";
import { renderJson } from "../../src/report/json.ts";
import { renderTerminal } from "../../src/report/terminal.ts";
import type { Slice } from "../../src/measure/experiment.ts";
import { cutAfter, experiment, summarized, withSlice } from "../measure/synthetic.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { emulated, shared } from "./sections.ts";

const test = suite("terminal report");

const withCells = (result: BenchResult, change: (cell: CellResult) => CellResult): BenchResult => ({
  ...result,
  cells: result.cells.map(change),
});
const withCheck = (
  result: BenchResult,
  subject: string,
  distribution: Partial<CellResult["distribution"]>,
): BenchResult =>
  withCells(result, (cell) =>
    cell.subject === subject ? { ...cell, distribution: { ...cell.distribution, ...distribution } } : cell,
  );

test("a fixed result gives the recorded text (SLUICE_GOLDEN=1 records it anew)", async () => {
  const file = inProject("test", "golden", "report", "terminal.txt");
  const text = renderTerminal(await summarized(), "results/bench.json");
  if (process.env["SLUICE_GOLDEN"] !== undefined) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"));
});

test("there is no colour, no cursor movement and no trailing blank in it", async () => {
  const text = renderTerminal(await summarized());
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /\u001b/);
  assert.doesNotMatch(text, / +$/m);
});

test("what this host cannot do is a named row in every work", async () => {
  const unmeasured = [{ subject: "haproxy", reason: "haproxy is not installed" }];
  const result = await summarized({ unmeasured });
  assert.deepEqual(result.unmeasured, unmeasured);
  const rows = renderTerminal(result).split("\n");
  const named = rows.filter((row) => row === "haproxy  not measured: haproxy is not installed");
  assert.equal(named.length, result.works.length);
});

test("a failed run says so first among the notes", async () => {
  const failures = [{ subject: "ipvs-rr", work: "tcp-bulk", reason: "wrong-answer" }] as const;
  const text = renderTerminal({ ...(await summarized()), failures });
  assert.match(text, /\nnotes\n- FAILED: ipvs-rr got answers that were not the ones to its requests in tcp-bulk\.\n/);
});

test("a run whose control differs says so, with the work and its ratio, and marks its ratios", async () => {
  const result = await summarized();
  const ratio = { value: 0.9, interval: [0.88, 0.93], unit: "1" } as const;
  const control = { ...result.control, differs: true, ratios: [{ work: "tcp-bulk", ratio, holdsOne: false }] };
  const text = renderTerminal(withCells({ ...result, control }, (cell) => ({ ...cell, ratioDoubtful: true })));
  assert.match(text, /^ipvs-rr .*\] \?/m);
  assert.match(
    text,
    /CONTROL DIFFERS: direct-again is direct once more, yet in tcp-bulk its ratio is 0\.900 \[0\.880, 0\.930\]/,
  );
});

test("promises that are broken, unlikely or not checked are told from those that are kept", async () => {
  const result = await summarized();
  const none = { value: null, unit: "1", reason: "not-applicable" } as const;
  const few = { ...none, reason: "too-few-blocks" } as const;
  const of = (value: number) => ({ value, unit: "1" }) as const;
  const slices = of(6);
  const cases: readonly (readonly [Partial<CellResult["distribution"]>, RegExp])[] = [
    [
      { promise: { kind: "exact" }, check: { outcome: "broken", worst: of(3), allowed: of(1), chance: none, slices } },
      /in turn: BROKEN, 3 where 1 may be/,
    ],
    [
      {
        promise: { kind: "uniform-random" },
        check: { outcome: "unlikely", worst: none, allowed: none, chance: of(0.0002), slices },
      },
      /random, even: UNLIKELY, p 0\.0002/,
    ],
    [
      {
        promise: { kind: "first", order: ["10.0.0.1:80"], reach: of(4) },
        check: { outcome: "unchecked", worst: none, allowed: none, chance: none, slices },
      },
      /first 4 at most: not checked/,
    ],
    [
      { promise: { kind: "exact" }, check: { outcome: "unchecked", worst: few, allowed: few, chance: few, slices } },
      /in turn: not enough blocks/,
    ],
    [
      {
        promise: { kind: "bounded", maxDifference: of(3841), within: { value: 120_000, unit: "ms" } },
        check: { outcome: "kept", worst: of(2), allowed: of(3841), chance: none, slices },
      },
      /differ ≤ 3841: kept/,
    ],
  ];
  for (const [distribution, expected] of cases) {
    assert.match(renderTerminal(withCheck(result, "ipvs-rr", distribution)), expected);
  }
});

test("errors get a column of their own, and only then", async () => {
  const result = await summarized();
  assert.doesNotMatch(renderTerminal(result), /errors/);
  const five = { value: 5, unit: "1" } as const;
  const bad = withCells(result, (cell) => ({ ...cell, errors: { ...cell.errors, timedOut: five } }));
  assert.match(renderTerminal(bad), /promise +errors\n/);
});

test("with more endpoints than columns the shares are summed up", async () => {
  const result = await summarized();
  const endpoints = Array.from({ length: 9 }, (_, at) => ({
    endpoint: `10.0.0.${at}:80`,
    standIn: `127.0.0.${at}:80`,
  }));
  const withEndpoints = (service: MeasuredService): MeasuredService => ({ ...service, endpoints });
  const values = [9, 9, 9, 9, 9, 9, 9, 9, 0];
  const wide = withCells(result, (cell) => ({
    ...cell,
    distribution: {
      ...cell.distribution,
      counts: { values, unit: "1" },
      shares: { values: values.map((n) => n / 72), unit: "1" },
    },
  }));
  const text = renderTerminal({ ...wide, services: wide.services.map(withEndpoints) });
  assert.match(text, /subject +connections +least +median +most +idle\ndirect +72 +0\.0 +12\.5 +12\.5 +1\n/);
});

test("a run that ended early says why, how many blocks it has, and nothing that takes more", async () => {
  const stopped = renderTerminal(await summarized({ experiment: cutAfter(1) }));
  assert.match(stopped, /: 1 block of 6 \(stopped early\)/);
  assert.match(stopped, /\n- Stopped early after 1 of 6 blocks: not enough blocks for .*, which take 5\.\n/);
  assert.match(stopped, /\n- Control: .*; not enough blocks to tell whether its intervals hold 1\.\n/);
  assert.match(stopped, /\nipvs-rr .* not enough blocks  in turn: not enough blocks\n/);
  assert.doesNotMatch(stopped, /kept|all its intervals hold 1/);

  const nothing = renderTerminal(await summarized({ experiment: cutAfter(-1) }));
  assert.match(nothing, /: 0 blocks of 6 /);
  assert.doesNotMatch(nothing, /NaN|null|undefined|0\.0 %|kept|all its intervals hold 1/);

  const late = renderTerminal(await summarized({ experiment: cutAfter(5, "budget") }));
  assert.match(late, /: 5 blocks of 6 \(the budget of 80 s was over\)/);
  assert.match(late, /\n- The budget of 80 s was over after 5 of 6 blocks\.\n/);
  assert.match(late, /in turn: kept\n/);
});

test("a run that is precise enough says how precise, and is not said to be cut short", async () => {
  const text = renderTerminal(await summarized({ experiment: cutAfter(5, "precision") }));
  assert.match(text, /: 5 blocks of 500 ms slices/);
  assert.match(text, /\n- After 5 blocks every ratio was known to ±2 %: the run ended before its budget of 80 s\.\n/);
});

test("where a thread of ours is the bottleneck of a subject, the subject and the work are named", async () => {
  const bound = withCells(await summarized(), (cell) => ({ ...cell, bottleneck: "generator" }));
  const text = renderTerminal(bound);
  assert.match(text, /- BOTTLENECK: the load generator, not the subject, sets the rate of ipvs-rr in tcp-connect/);
  assert.doesNotMatch(renderTerminal(await summarized()), /BOTTLENECK/);
});

test("a control without an interval in some work says where, and why", async () => {
  const idle = (slice: Slice): Slice => ({ ...slice, sample: { ...slice.sample, operations: 0 } });
  const isControl = ({ cell, block }: Slice): boolean => cell.subject === 1 && block === 3;
  const text = renderTerminal(await summarized({ experiment: withSlice(experiment(), isControl, idle) }));
  const said = "no interval in tcp-connect-request-close, since a block completed too little; all others hold 1.";
  assert.ok(text.includes(`- Control: direct-again is direct once more; ${said}\n`), text);
});

test("a control in the emulator is told; where it differs, times of decisions are marked, and nothing else", async () => {
  const small = await summarized();
  const quiet = renderTerminal(emulated(small));
  assert.match(
    quiet,
    /- Control in the emulator: iptables@emulated-again is iptables@emulated once more, and takes 1\.000 \[0\.970, 1\.030\] of its time/,
  );
  assert.doesNotMatch(quiet, /\?/);
  const loud = renderTerminal(emulated(small, 1.2));
  assert.match(loud, /- CONTROL DIFFERS in the emulator: iptables@emulated-again .* takes 1\.200 \[1\.164, 1\.236\]/);
  assert.match(loud, /\nnftables@emulated +default\/web:http +8\.00 +always +500 \? +±10 % +3,000 /);
});

test("a control of sharing out is told; where a figure of it differs, that figure is marked, and no other", async () => {
  const small = await summarized();
  const quiet = renderTerminal(shared(small));
  assert.match(quiet, /- Control of sharing out: ipvs-rr-again is ipvs-rr once more, and differs from it in nothing\./);
  assert.doesNotMatch(quiet, /\?/);
  const loud = renderTerminal(shared(small, 0.05));
  assert.match(
    loud,
    /- CONTROL DIFFERS in sharing out: .* the slow endpoint's share is off by 5\.0 % \[3\.0 %, 7\.0 %\]/,
  );
  assert.match(loud, /\ndirect +25\.0 % \? +\[22\.5, 27\.5\] %/);
  assert.match(loud, /\ndirect +added +60\.0 % +\[/);
});

test("the JSON text is the document", async () => {
  const result = await summarized();
  assert.deepEqual(JSON.parse(renderJson(result)), result);
});
