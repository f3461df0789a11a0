/**
 * How long does a kernel dataplane take from a cluster to rules in force: at first, and when one endpoint changed?
 *
 * Each case and round is a process of its own with a network namespace of its own, in an order shuffled afresh. A time
 * is that of `agent.sync`: model, program, text, and the host's commands, whose share stands beside it: the same input
 * would take them as long from anybody. kube-proxy is not run here: its figures are quoted, from another day and, it
 * may be, a faster machine. What does not depend on the machine is how often a change takes as long as the host's
 * command takes to replace one chain of its own in the same tables, which nobody who runs that command can undercut.
 *
 * Needs root. Options: `--rounds N`, `--only PATTERN` of cases, `--seed N` of the order; `--out FILE` adds to the runs
 * that another part has left there, and tells of all of them.
 */
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createAgent } from "../../src/agent/agent.ts";
import { freshSeed, seededRandom } from "../../src/core/random.ts";
import { execOk } from "../../src/host/exec.ts";
import { createNetns } from "../../src/host/netns.ts";
import { keepHeapSmall, sweepHeap } from "../../src/host/small-heap.ts";
import { FEWEST_BLOCKS, geometricMeanInterval } from "../../src/measure/intervals.ts";
import { renderTable } from "../frame/render.ts";
import { median } from "../frame/sample.ts";
import { largeCluster, NODE } from "./large-cluster.ts";
import { type Backend, backends, MEMORY_AT_MOST } from "./quoted.ts";
import { type Measured, readResult, withPart, writeResult } from "./result.ts";
import { timedDataplane } from "./timed-dataplane.ts";

interface Case {
  readonly label: string;
  readonly backend: Backend;
  readonly services: number;
}

const CHANGES = 8;
const CHILD_TIMEOUT_MS = 900_000;
/** Of the resampling; the same figures give the same intervals. */
const SEED = 1;

const head = ["", "mean (95 %)", "best", "median", "the commands' share", "at most", "kube-proxy 1.36, quoted"];

const cases: readonly Case[] = backends.flatMap((backend) =>
  Object.keys(backend.sizes).map((services) => ({
    label: `${backend.name}, ${services} services`,
    backend,
    services: Number(services),
  })),
);
const { values } = parseArgs({
  options: {
    child: { type: "string" },
    rounds: { type: "string", default: String(FEWEST_BLOCKS) },
    only: { type: "string", default: "" },
    seed: { type: "string", default: String(freshSeed()) },
    out: { type: "string" },
  },
});
if (values.child !== undefined) console.log(JSON.stringify(await measure(cases[Number(values.child)]!)));
else await compare(new RegExp(values.only), Number(values.rounds), Number(values.seed));

async function compare(only: RegExp, rounds: number, seed: number): Promise<void> {
  const chosen = cases.filter(({ label }) => only.test(label));
  console.log(`${chosen.length} cases, ${rounds} rounds in random order (--seed ${seed}), 5 endpoints a service`);
  const [startedAt, loads] = [new Date().toISOString(), [loadavg()[0]!]];
  const random = seededRandom(seed);
  const runs = new Map<string, Measured[]>(chosen.map(({ label }) => [label, []]));
  for (let round = 0; round < rounds; round += 1) {
    const left = [...chosen];
    while (left.length > 0) {
      const [one] = left.splice(random.below(left.length), 1);
      const argv = [process.execPath, fileURLToPath(import.meta.url), "--child", String(cases.indexOf(one!))] as const;
      runs.get(one!.label)!.push(JSON.parse(await execOk(argv, { timeoutMs: CHILD_TIMEOUT_MS })) as Measured);
      loads.push(loadavg()[0]!);
    }
  }
  const part = {
    startedAt,
    seed,
    rounds,
    cases: chosen.map(({ label }) => label),
    loadAverage: [Math.min(...loads), Math.max(...loads)],
  } as const;
  const result = withPart(readResult(values.out), part, runs);
  if (values.out !== undefined) writeResult(values.out, result);
  const measured = cases.filter(({ label }) => (result.runs[label] ?? []).length > 0);
  console.log(renderTable([head, ...measured.flatMap((one) => linesOf(one, result.runs[one.label]!))]));
  console.log(`${JSON.stringify(result.conditions)}; some 1 of the load is our own`);
}

function linesOf({ label, backend, services }: Case, runs: readonly Measured[]): string[][] {
  const quoted = backend.sizes[services]!;
  const of = (key: keyof Measured): readonly number[] => runs.map((run) => run[key]);
  const line = (what: string, key: keyof Measured, tool: keyof Measured, most: number, theirs: string): string[] => [
    `${label}: ${what}`,
    meanText(of(key)),
    `${Math.min(...of(key)).toFixed(2)} s`,
    `${median(of(key)).toFixed(2)} s`,
    `${median(of(tool)).toFixed(2)} s`,
    `${most} s`,
    theirs,
  ];
  const [resident, peak] = [of("resident"), of("peak")].map((all) => Math.max(...all).toFixed(0));
  const bytes = Math.max(...of("changeBytes"));
  return [
    line("first sync", "first", "firstTool", quoted.firstAtMost, quoted.first),
    line(`one endpoint (${bytes} bytes)`, "change", "changeTool", quoted.changeAtMost, quoted.change),
    [`${label}: change, of the command's least`, ratioText(of("change"), of("least")), "", "", "", "", ""],
    [
      `${label}: memory`,
      `${resident} MB, at its peak ${peak} MB`,
      "",
      "",
      "",
      quoted.memory === undefined ? "" : `${MEMORY_AT_MOST} MB`,
      quoted.memory ?? "",
    ],
  ];
}

/** Of pairs that were measured one right after the other. */
function ratioText(ours: readonly number[], least: readonly number[]): string {
  const { estimate, low, high } = geometricMeanInterval(
    ours.map((seconds, index) => seconds / least[index]!),
    SEED,
  );
  const range = low === undefined || high === undefined ? "" : ` (${low.toFixed(2)} … ${high.toFixed(2)})`;
  return `${estimate?.toFixed(2)} ×${range}; it takes ${median(least).toFixed(2)} s`;
}

function meanText(seconds: readonly number[]): string {
  const { estimate, low, high } = geometricMeanInterval(seconds, SEED);
  const range = low === undefined || high === undefined ? "" : ` (${low.toFixed(2)} … ${high.toFixed(2)})`;
  return `${estimate?.toFixed(2)} s${range}`;
}

async function measure({ backend, services }: Case): Promise<Measured> {
  keepHeapSmall();
  const [before, after] = await largeCluster(services);
  const netns = await createNetns(`sluice-bench-${process.pid}`);
  try {
    const dataplane = timedDataplane(netns.name, backend);
    const agent = createAgent({ mode: backend.mode, programOptions: {}, dataplane });
    const sync = async (snapshot: typeof before): Promise<number> => {
      const startMs = performance.now();
      await agent.sync(snapshot, NODE);
      return (performance.now() - startMs) / 1000;
    };
    const first = await sync(before);
    const firstTool = dataplane.toolMs() / 1000;
    const [changes, tools, fed, leasts]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let i = 0; i < CHANGES; i += 1) {
      changes.push(await sync(i % 2 === 0 ? after : before));
      tools.push(dataplane.toolMs() / 1000);
      fed.push(dataplane.fedBytes());
      leasts.push((await dataplane.leastMs()) / 1000);
    }
    if (fed.some((bytes) => bytes === 0)) throw new Error("a change fed nothing");
    // As a process does that runs on.
    sweepHeap();
    return {
      first,
      firstTool,
      change: median(changes),
      changeTool: median(tools),
      changeBytes: Math.max(...fed),
      least: median(leasts),
      resident: process.memoryUsage().rss / 1e6,
      peak: (process.resourceUsage().maxRSS * 1024) / 1e6,
    };
  } finally {
    await netns.close();
  }
}
