/**
 * Does our load generator measure what wrk and iperf3 measure?
 *
 * Request and response on 32 kept connections next to wrk, one way on one connection next to iperf3, interleaved; every
 * round gives one ratio. Both go through something slower than any of them, and what it carries is what they should
 * find: our Node engine, and a link of so many bytes a second. (How much an engine carries of one connection is decided
 * by the pieces in which it comes, and they differ.) A check fails when the interval of a ratio lies more than 10 % off 1.
 *
 * Options: `--rounds N`, `--slice-s N`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exec, execOk, type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { freeAddress, isListening } from "../../src/lab/peers/listening.ts";
import { geometricMeanInterval } from "../../src/measure/intervals.ts";
import { TCP } from "../../src/net/flow.ts";
import { slowLink, type SlowLink } from "./slow-link.ts";
import { compileLoad } from "./compile-load.ts";
import { OTHER_CPU, ours, type Subject, untilReady } from "./subjects.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "10" }, "slice-s": { type: "string", default: "1" } },
});
const SEED = 1;
const OFF = 0.1;
const LINK_BYTES_PER_SECOND = 100e6;

type Argv = readonly [string, ...string[]];
const onOtherCpu = (argv: Argv): Argv => ["taskset", "-c", OTHER_CPU, ...argv];

const folder = mkdtempSync(join(tmpdir(), "sluice-generator-"));
const load = await compileLoad(folder);
const commands: RunningCommand[] = [];
const proxies: Subject[] = [];
const links: SlowLink[] = [];
try {
  await compare("wrk", "request-response, 32 kept", await besideWrk());
  await compare("iperf3", "bulk, 1 connection", await besideIperf3());
} finally {
  for (const proxy of proxies) await proxy.stop();
  for (const link of links) link.close();
  for (const command of commands) await command.stop("SIGKILL");
  rmSync(folder, { recursive: true });
}

/** Each measures once, and says how much came a second. */
interface Pair {
  ours(): Promise<number>;
  theirs(): Promise<number>;
}

async function compare(tool: string, work: string, pair: Pair): Promise<void> {
  const { exitCode } = await exec([tool, "--version"]);
  // wrk says its version and exits with 1.
  if (exitCode === null || exitCode > 1) return console.log(`${work}: not measured, no ${tool}`);
  const ratios: number[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const first = round % 2 === 0 ? await pair.ours() : undefined;
    const its = await pair.theirs();
    ratios.push((first ?? (await pair.ours())) / its);
  }
  const { estimate, low, high } = geometricMeanInterval(ratios, SEED);
  const interval = low === undefined ? "" : ` (${low.toFixed(2)} … ${high!.toFixed(2)})`;
  console.log(`${work}: ours / ${tool} ${estimate!.toFixed(2)}${interval}`);
  if ((low ?? estimate!) <= 1 + OFF && (high ?? estimate!) >= 1 - OFF) return;
  console.error(`${work}: more than 10 % off ${tool}`);
  process.exitCode = 1;
}

/** @returns where a proxy serves what is behind a port. */
async function through(port: number): Promise<string> {
  const proxy = await ours({ engine: "node", backends: [{ work: "echo", proto: "tcp", port }] });
  proxies.push(proxy);
  return String(proxy.ports.echo);
}

async function throughLink(port: number): Promise<string> {
  const link = await slowLink(port, LINK_BYTES_PER_SECOND);
  links.push(link);
  return String(link.port);
}

/** @returns the backend's port. */
async function serve(work: "http" | "bulk"): Promise<number> {
  const command = startCommand(onOtherCpu([load, "backend", work]));
  commands.push(command);
  await untilReady(command, () => command.stdout().endsWith("\n"));
  return Number(command.stdout());
}

async function generate(work: "http" | "bulk", port: string, lanes: string): Promise<Record<string, number>> {
  const ms = String(Number(values["slice-s"]) * 1000);
  return JSON.parse(await execOk(onOtherCpu([load, "generate", work, port, lanes, "1", ms]))) as Record<string, number>;
}

async function besideWrk(): Promise<Pair> {
  const port = await through(await serve("http"));
  const argv = onOtherCpu(["wrk", "-t1", "-c32", `-d${values["slice-s"]}s`, `http://127.0.0.1:${port}/`]);
  return {
    async ours() {
      const { operations, elapsedNs } = await generate("http", port, "32");
      return (operations! * 1e9) / elapsedNs!;
    },
    theirs: async () => Number(/^Requests\/sec:\s+([\d.]+)$/m.exec(await execOk(argv))?.[1]),
  };
}

async function besideIperf3(): Promise<Pair> {
  const port = await throughLink(await serve("bulk"));
  const at = await freeAddress(TCP);
  const server = startCommand(onOtherCpu(["iperf3", "-s", "-B", "127.0.0.1", "-p", String(at.port)]));
  commands.push(server);
  await untilReady(server, () => isListening(TCP, at));
  const proxied = await throughLink(at.port);
  const length = ["-R", "-l", "256K", "-t", values["slice-s"], "-J"] as const;
  const argv = onOtherCpu(["iperf3", "-c", "127.0.0.1", "-p", proxied, ...length]);
  return {
    async ours() {
      const { bytes, elapsedNs } = await generate("bulk", port, "1");
      return (bytes! * 1e9) / elapsedNs!;
    },
    async theirs() {
      const said = JSON.parse(await execOk(argv)) as { end: { sum_received: { bits_per_second: number } } };
      return said.end.sum_received.bits_per_second / 8;
    },
  };
}
