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
 * Options: `--only wrk,iperf3,sockperf,sockperf-paced`, `--rounds N`, `--seed N` of the order, `--out FILE` that gets this run as JSON, behind those that are in it.
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
import { type Agreement, agreementsOf } from "./agreement.ts";
import { comparisons, isInstalled, SERVICE_US } from "./comparisons.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(comparisons).join() },
    rounds: { type: "string", default: "12" },
    seed: { type: "string", default: String(freshSeed()) },
    out: { type: "string" },
  },
});
const GENERATORS_CPU = "0";
const SERVERS_CPU = "1";

const environment = environmentStart();
const native = nativeGeneratorFile();
if (native === undefined) throw new Error("the servers in C are not built: npm run build:native");
// Threads and processes that are started from here on stay there, too.
await execOk(["taskset", "-a", "-p", "-c", GENERATORS_CPU, String(process.pid)]);
const commands: RunningCommand[] = [];
const generators: LoadGenerator[] = [startNativeGenerator(native), startNodeGenerator()];
try {
  const rows: Agreement[] = [];
  for (const name of values.only.split(",")) {
    const [tool] = name.split("-") as [string];
    if (!(await isInstalled(tool))) {
      console.log(`not measured: ${tool}, which is not installed`);
      continue;
    }
    const comparison = await comparisons[name]!({ program: native, generators, processor: SERVERS_CPU, commands });
    rows.push(...(await agreementsOf(comparison, Number(values.rounds), Number(values.seed))));
  }
  const head = ["work", "generator", "figure", "value (95 %)", "at most", "of theirs (95 %)", "within 10 %"];
  console.log(renderTable([head, ...rows.map(lineOf)]));
  if (values.out !== undefined) {
    const runs = [...runsIn(values.out), await documentOf(rows)];
    writeFileSync(values.out, `${JSON.stringify({ runs }, undefined, 2)}\n`);
  }
} finally {
  await Promise.all(generators.map((generator) => generator.close()));
  await Promise.all(commands.map((command) => command.stop("SIGKILL")));
}

function runsIn(file: string): readonly object[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { runs: object[] }).runs : [];
}

function lineOf({ work, generator, figure, unit, value, ratio, agrees, atMost }: Agreement): string[] {
  const said = `${text(value, 0)} ${unit === "us" ? "µs" : "/s"}`;
  return [work, generator, figure, said, atMost === undefined ? "" : String(atMost), text(ratio, 3), agrees];
}

/** With the machine, the command and who was compared with. */
async function documentOf(agreements: readonly Agreement[]): Promise<object> {
  const asked = [
    ["wrk", "-v"],
    ["iperf3", "--version"],
    ["sockperf", "--version"],
  ] as const;
  const versions = asked.map(async (argv) => (await exec(argv).catch(() => undefined))?.stdout.trim().split("\n")[0]);
  return {
    environment: environmentSince(environment, "the load generators of sluice, in C and in Node"),
    seed: values.seed,
    rounds: Number(values.rounds),
    serviceUs: SERVICE_US,
    processors: { generators: GENERATORS_CPU, servers: SERVERS_CPU },
    versions: (await Promise.all(versions)).filter((version) => version !== undefined),
    agreements,
  };
}

function text({ estimate, low, high }: Interval, digits: number): string {
  const range = low === undefined || high === undefined ? "" : ` (${low.toFixed(digits)} … ${high.toFixed(digits)})`;
  return estimate === undefined ? "?" : `${estimate.toFixed(digits)}${range}`;
}
