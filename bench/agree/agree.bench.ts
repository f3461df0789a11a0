/**
 * Do our load generators' figures agree with those of wrk, iperf3 and sockperf on the same work, within 10 %?
 *
 * Requests on 16 kept connections go to one program in C that answers theirs and ours alike, fast enough not to set the
 * rate by itself; datagrams on one flow go to one server that speaks to both; streams go to each one's own server, which is
 * part of what is compared. Slices are interleaved in random order; ratios are taken within rounds. What is not installed or not built is named. Decides nothing: the figures are to be read.
 *
 * Options: `--rounds N`, `--seconds N` of a slice, `--seed N` of the order, `--out FILE` for the figures as JSON.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freshSeed, seededRandom } from "../../src/core/random.ts";
import { exec, execOk, type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import { startEchoBackends } from "../../src/measure/echo/backends.ts";
import { geometricMeanInterval, type Interval } from "../../src/measure/intervals.ts";
import { type LoadGenerator, startNodeGenerator } from "../../src/measure/load/generator.ts";
import { nativeGeneratorFile, startNativeGenerator } from "../../src/measure/load/native-generator.ts";
import { shuffled } from "../../src/measure/schedule.ts";
import type { WorkKind } from "../../src/measure/work.ts";
import { renderTable } from "../frame/render.ts";
import { sockperfRate } from "./sockperf.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    seconds: { type: "string", default: "2" },
    seed: { type: "string", default: String(freshSeed()) },
    out: { type: "string" },
  },
});
const seconds = Number(values.seconds);

/** Measures one slice. @returns operations, or bytes, a second. */
type Slice = () => Promise<number>;

/** Who is measured on one work: theirs first. */
interface Comparison {
  readonly work: string;
  readonly theirs: string;
  readonly slices: ReadonlyMap<string, Slice>;
}

const commands: RunningCommand[] = [];
const server = await startServer();
const generators: LoadGenerator[] = [startNodeGenerator()];
const native = nativeGeneratorFile();
if (native === undefined) console.log("not measured: the native generator, which is not built");
else generators.push(startNativeGenerator(native));
const echoes = await startEchoBackends([{ protocol: "tcp", host: "127.0.0.1", port: 0 }]);
try {
  console.log(
    `${availableParallelism()} × ${cpus()[0]?.model}, load average ${loadavg()[0]!.toFixed(1)}, seed ${values.seed}, ${values.rounds} rounds of ${seconds} s`,
  );
  const comparisons = [await againstWrk(), await againstIperf(), await againstSockperf()].filter(
    (one) => one !== undefined,
  );
  const rows: Agreement[] = [];
  for (const comparison of comparisons) rows.push(...(await compare(comparison)));
  const head = ["work", "generator", "a second (95 %)", "of theirs (95 %)", "within 10 %"];
  console.log(renderTable([head, ...rows.map(lineOf)]));
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(await documentOf(rows), undefined, 2)}\n`);
  console.log(`load average afterwards ${loadavg()[0]!.toFixed(1)}`);
} finally {
  await Promise.all(generators.map((generator) => generator.close()));
  await Promise.all(commands.map((command) => command.stop("SIGKILL")));
  await echoes.close();
}

async function isInstalled(command: string): Promise<boolean> {
  return exec([command, "--version"]).then(
    () => true,
    () => false,
  );
}

/** @returns the port of the server of datagrams. */
async function startServer(): Promise<number> {
  const command = startCommand([process.execPath, fileURLToPath(threadFile(import.meta.url, "agree-server-program"))]);
  commands.push(command);
  while (!command.stdout().endsWith("\n")) await new Promise((resolve) => setTimeout(resolve, 10));
  return Number(command.stdout());
}

/** @returns the port of one that answers as that work has it. */
async function startBackend(program: string, work: "http" | "echo"): Promise<number> {
  const command = startCommand([program, "backend", work]);
  commands.push(command);
  while (!command.stdout().endsWith("\n")) await new Promise((resolve) => setTimeout(resolve, 10));
  return Number(command.stdout());
}

async function againstWrk(): Promise<Comparison | undefined> {
  if (!(await isInstalled("wrk"))) return void console.log("not measured: wrk, which is not installed");
  if (native === undefined) return void console.log("not measured: wrk, whose server is not built");
  const [http, echo] = [await startBackend(native, "http"), await startBackend(native, "echo")];
  const wrk: Slice = async () => {
    const argv = ["wrk", "-t1", "-c16", `-d${seconds}s`, `http://127.0.0.1:${http}/`] as const;
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(await execOk(argv))![1]);
  };
  return {
    work: "requests, 16 kept connections",
    theirs: "wrk",
    slices: withOurs("wrk", wrk, "tcp-request-response", 16, echo),
  };
}

async function againstIperf(): Promise<Comparison | undefined> {
  if (!(await isInstalled("iperf3"))) return void console.log("not measured: iperf3, which is not installed");
  // It takes the port that it is given; one that was free a moment ago.
  const port = 20_000 + (process.pid % 10_000);
  commands.push(startCommand(["iperf3", "-s", "-B", "127.0.0.1", "-p", String(port)]));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const iperf: Slice = async () => {
    const argv = [
      "iperf3",
      "-c",
      "127.0.0.1",
      "-p",
      String(port),
      "-R",
      "-P",
      "2",
      "-t",
      String(seconds),
      "-J",
    ] as const;
    const said = JSON.parse(await execOk(argv)) as { end: { sum_received: { bits_per_second: number } } };
    return said.end.sum_received.bits_per_second / 8;
  };
  return {
    work: "bytes, 2 streams",
    theirs: "iperf3",
    slices: withOurs("iperf3", iperf, "tcp-bulk", 2, echoes.ports[0]!),
  };
}

async function againstSockperf(): Promise<Comparison | undefined> {
  if (!(await isInstalled("sockperf"))) return void console.log("not measured: sockperf, which is not installed");
  return {
    work: "datagrams, one at a time",
    theirs: "sockperf",
    slices: withOurs("sockperf", () => sockperfRate(server, seconds), "udp-request-response", 1, server),
  };
}

function withOurs(
  name: string,
  theirs: Slice,
  work: WorkKind,
  concurrency: number,
  port: number,
): ReadonlyMap<string, Slice> {
  const targets = [{ host: "127.0.0.1", port }];
  const task = {
    work,
    targets,
    concurrency,
    // Not sockperf's size.
    messageBytes: 48,
    windowMs: seconds * 1000,
    timeoutMs: 5000,
    firstLane: 1,
  };
  const ours = generators.map((generator): [string, Slice] => {
    const slice: Slice = async () => {
      const sample = await generator.run(task);
      return sample.operations / sample.seconds;
    };
    return [`ours, ${generator.name}`, slice];
  });
  return new Map([[name, theirs], ...ours]);
}

/** A generator's rate, and that as a part of theirs. */
interface Agreement {
  readonly work: string;
  readonly generator: string;
  readonly rate: Interval;
  readonly ratio: Interval;
  /** Undefined: it is theirs. */
  readonly agrees: boolean | undefined;
}

async function compare({ work, theirs, slices }: Comparison): Promise<Agreement[]> {
  const random = seededRandom(Number(values.seed));
  const rates = new Map([...slices.keys()].map((name) => [name, [] as number[]]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [name, slice] of shuffled([...slices], random)) rates.get(name)!.push(await slice());
  }
  const base = rates.get(theirs)!;
  return [...rates].map(([generator, own]): Agreement => {
    const ratio = geometricMeanInterval(
      own.map((rate, round) => rate / base[round]!),
      1,
    );
    const agrees = generator === theirs ? undefined : ratio.estimate! > 0.9 && ratio.estimate! < 1.1;
    return { work, generator, rate: geometricMeanInterval(own, 1), ratio, agrees };
  });
}

function lineOf({ work, generator, rate, ratio, agrees }: Agreement): string[] {
  return [work, generator, text(rate, 0), text(ratio, 3), agrees === undefined ? "" : agrees ? "yes" : "NO"];
}

/** With the machine, the command and who was compared with. */
async function documentOf(agreements: readonly Agreement[]): Promise<object> {
  const versions = await Promise.all(
    [
      ["wrk", "-v"],
      ["iperf3", "--version"],
      ["sockperf", "--version"],
    ].map(async (argv) => (await exec(argv as [string, string]).catch(() => undefined))?.stdout.trim().split("\n")[0]),
  );
  return {
    machine: { cpu: cpus()[0]?.model, processors: availableParallelism(), kernel: release(), node: process.version },
    command: `bench/agree/agree.bench.ts ${process.argv.slice(2).join(" ")}`,
    seed: values.seed,
    rounds: Number(values.rounds),
    seconds,
    versions: versions.filter((version) => version !== undefined),
    agreements,
  };
}

function text({ estimate, low, high }: Interval, digits: number): string {
  const range = low === undefined || high === undefined ? "" : ` (${low.toFixed(digits)} … ${high.toFixed(digits)})`;
  return `${estimate!.toFixed(digits)}${range}`;
}
