/**
 * Do our load generators' figures agree with those of wrk, iperf3 and sockperf on the same work, within 10 %?
 *
 * What both measure has to be the slowest thing there: where a generator is, a figure says which generator is cheaper, and
 * not whether they measure alike (ours made 0.83 of wrk's requests next to a server in Node, and 1.41 next to one in C that
 * costs nothing). So the server takes SERVICE_US over each answer whoever asks, and streams pass a link of so many bytes a
 * second: that is the truth, and it stands beside the figures. The same server, in C, answers all of them, in as many bytes;
 * iperf3 has its own, behind the same link. Servers have one processor, generators the other. Slices are interleaved in
 * random order; ratios are taken within rounds, and figures are their medians.
 *
 * With one datagram at a time the generator's own time is part of each round trip, beside the server's: there a difference of
 * medians is what one of them adds by itself. At a fixed rate sockperf counts from when it has sent and ours from when it was
 * to send: where the machine stalls a generator, sockperf's figures leave that out, and ours do not.
 *
 * What is not installed (Debian: wrk, iperf3, sockperf) or not built is named. Decides nothing: the figures are to be read.
 *
 * Options: `--only wrk,iperf3,sockperf,sockperf-paced`, `--rounds N`, `--seed N` of the order, `--out FILE` that gets this run
 * as JSON, behind those that are in it; `--show FILE` measures nothing, and prints the figures of all runs in it together.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { freshSeed } from "../../src/core/random.ts";
import { exec, execOk, type RunningCommand } from "../../src/host/exec.ts";
import { environmentSince, environmentStart } from "../../src/measure/environment.ts";
import type { Interval } from "../../src/measure/intervals.ts";
import { type LoadGenerator, startNodeGenerator } from "../../src/measure/load/generator.ts";
import { nativeGeneratorFile, startNativeGenerator } from "../../src/measure/load/native-generator.ts";
import { renderTable } from "../frame/render.ts";
import { type Agreement, agreementsOf, roundsOf, type Said } from "./agreement.ts";
import { comparisons, isInstalled, SERVICE_US } from "./comparisons.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(comparisons).join() },
    rounds: { type: "string", default: "12" },
    seed: { type: "string", default: String(freshSeed()) },
    out: { type: "string" },
    show: { type: "string" },
  },
});
const GENERATORS_CPU = "0";
const SERVERS_CPU = "1";

/** What a file holds of one run. */
interface Run {
  readonly said: readonly Said[];
}

if (values.show === undefined) await measure();
else show(runsIn(values.show));

async function measure(): Promise<void> {
  const start = environmentStart();
  const native = nativeGeneratorFile();
  if (native === undefined) throw new Error("the servers in C are not built: npm run build:native");
  // Threads and processes that are started from here on stay there, too.
  await execOk(["taskset", "-a", "-p", "-c", GENERATORS_CPU, String(process.pid)]);
  const commands: RunningCommand[] = [];
  const generators: LoadGenerator[] = [startNativeGenerator(native), startNodeGenerator()];
  const said: Said[] = [];
  try {
    for (const name of values.only.split(",")) {
      const [tool] = name.split("-") as [string];
      if (!(await isInstalled(tool))) {
        console.log(`not measured: ${tool}, which is not installed`);
        continue;
      }
      const comparison = await comparisons[name]!({ program: native, generators, processor: SERVERS_CPU, commands });
      said.push(...(await roundsOf(comparison, Number(values.rounds), Number(values.seed))));
    }
  } finally {
    await Promise.all(generators.map((generator) => generator.close()));
    await Promise.all(commands.map((command) => command.stop("SIGKILL")));
  }
  show([{ said }]);
  if (values.out === undefined) return;
  const environment = environmentSince(start, "the load generators of sluice, in C and in Node");
  const run = {
    environment: { ...environment, versions: { ...environment.versions, ...(await versionsOf()) } },
    seed: values.seed,
    serviceUs: SERVICE_US,
    processors: { generators: GENERATORS_CPU, servers: SERVERS_CPU },
    said,
  };
  writeFileSync(values.out, `${JSON.stringify({ runs: [...runsIn(values.out), run] }, undefined, 2)}\n`);
}

function runsIn(file: string): readonly Run[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { runs: Run[] }).runs : [];
}

function show(runs: readonly Run[]): void {
  const head = ["work", "generator", "figure", "value (95 %)", "at most", "of theirs (95 %)", "within 10 %"];
  console.log(renderTable([head, ...agreementsOf(runs.map((run) => run.said)).map(lineOf)]));
}

function lineOf({ work, generator, figure, unit, value, ratio, agrees, atMost }: Agreement): string[] {
  const text = `${textOf(value, 0)} ${unit === "us" ? "µs" : "/s"}`;
  return [work, generator, figure, text, atMost === null ? "" : String(atMost), textOf(ratio, 3), agrees];
}

async function versionsOf(): Promise<Readonly<Record<string, string>>> {
  const asked = [
    ["wrk", "-v"],
    ["iperf3", "--version"],
    ["sockperf", "--version"],
  ] as const;
  const lines = asked.map(async ([tool, option]) => {
    const said = await exec([tool, option]).catch(() => undefined);
    return [tool, said?.stdout.trim().split("\n")[0] ?? "not there"] as const;
  });
  return Object.fromEntries(await Promise.all(lines));
}

function textOf({ estimate, low, high }: Interval, digits: number): string {
  const range = low === undefined || high === undefined ? "" : ` (${low.toFixed(digits)} … ${high.toFixed(digits)})`;
  return estimate === undefined ? "?" : `${estimate.toFixed(digits)}${range}`;
}
