import { fileURLToPath } from "node:url";
import { exec, type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import { freeAddress, isListening } from "../../src/lab/peers/listening.ts";
import type { LoadGenerator } from "../../src/measure/load/generator.ts";
import type { WorkName } from "../../src/measure/work.ts";
import { TCP } from "../../src/net/flow.ts";
import { ourSlice, type Slice } from "./figures.ts";
import { iperfSlice, STREAMS } from "./iperf3.ts";
import { SOCKPERF_IDLE_S, sockperfSlice } from "./sockperf.ts";
import { CONNECTIONS, wrkSlice } from "./wrk.ts";

/** Who is measured on one work. */
export interface Comparison {
  readonly work: string;
  readonly theirs: string;
  /** What the server, or the link, allows at most: operations or bytes a second. */
  readonly atMost: number;
  /** Theirs first. */
  readonly slices: ReadonlyMap<string, Slice>;
}

/** What comparisons share. */
export interface Ground {
  /** The program of the servers in C. */
  readonly program: string;
  readonly generators: readonly LoadGenerator[];
  /** Of servers. */
  readonly processor: string;
  /** Where servers are put, to be ended. */
  readonly commands: RunningCommand[];
}

const BYTES = 64;
/** The server's own time over an answer: several times that of any of the generators. */
export const SERVICE_US = 100;
const LINK_BYTES_PER_SECOND = 50e6;
/** A third of what the server can do one at a time. */
const DATAGRAMS_PER_SECOND = 2000;
const STREAM_SECONDS = 1;
const REQUEST_SECONDS = 1;
const DATAGRAM_SECONDS = 2;

export const comparisons: Readonly<Record<string, (ground: Ground) => Promise<Comparison>>> = {
  async wrk(ground) {
    const port = await startReference(ground, "tcp");
    return {
      work: `requests, ${CONNECTIONS} kept connections`,
      theirs: "wrk",
      atMost: 1e6 / SERVICE_US,
      slices: besides(ground, "wrk", () => wrkSlice(port, BYTES, REQUEST_SECONDS), {
        work: "tcp-request-response",
        concurrency: CONNECTIONS,
        port,
        seconds: REQUEST_SECONDS,
      }),
    };
  },
  async iperf3(ground) {
    const [theirPort, ourPort] = await startStreams(ground);
    return {
      work: `bytes, ${STREAMS} streams`,
      theirs: "iperf3",
      atMost: STREAMS * LINK_BYTES_PER_SECOND,
      slices: besides(ground, "iperf3", () => iperfSlice(theirPort, STREAM_SECONDS), {
        work: "tcp-bulk",
        concurrency: STREAMS,
        port: ourPort,
        seconds: STREAM_SECONDS,
      }),
    };
  },
  sockperf: (ground) => datagrams(ground, undefined),
  "sockperf-paced": (ground) => datagrams(ground, DATAGRAMS_PER_SECOND),
};

async function datagrams(ground: Ground, perSecond: number | undefined): Promise<Comparison> {
  const port = await startReference(ground, "udp");
  const kind = "udp-request-response";
  return {
    work: perSecond === undefined ? "datagrams, one at a time" : `datagrams, ${perSecond} a second`,
    theirs: "sockperf",
    atMost: perSecond ?? 1e6 / SERVICE_US,
    slices: besides(ground, "sockperf", () => sockperfSlice(port, BYTES, DATAGRAM_SECONDS, perSecond), {
      work: perSecond === undefined ? kind : `${kind}@${perSecond}`,
      concurrency: 1,
      port,
      seconds: DATAGRAM_SECONDS - SOCKPERF_IDLE_S,
    }),
  };
}

interface OurTask {
  readonly work: WorkName;
  readonly concurrency: number;
  readonly port: number;
  readonly seconds: number;
}

/** Theirs, and each of our generators. */
function besides(
  { generators }: Ground,
  name: string,
  theirs: Slice,
  { work, concurrency, port, seconds }: OurTask,
): ReadonlyMap<string, Slice> {
  const targets = [{ host: "127.0.0.1", port }];
  const task = {
    work,
    targets,
    concurrency,
    messageBytes: BYTES,
    windowMs: seconds * 1000,
    timeoutMs: 5000,
    firstLane: 1,
  };
  const ours = generators.map((one): [string, Slice] => [`ours, ${one.name}`, () => ourSlice(one, task)]);
  return new Map([[name, theirs], ...ours]);
}

/** @returns its port. */
async function startReference(ground: Ground, protocol: "tcp" | "udp"): Promise<number> {
  return Number(await startServer(ground, [ground.program, "reference", protocol, String(SERVICE_US * 1000)]));
}

/** @returns the ports of the links to iperf3's server and to ours. */
async function startStreams(ground: Ground): Promise<[number, number]> {
  const at = await freeAddress(TCP);
  ground.commands.push(startCommand(pinned(ground, ["iperf3", "-s", "-B", "127.0.0.1", "-p", String(at.port)])));
  while (!(await isListening(TCP, at))) await new Promise((resolve) => setTimeout(resolve, 10));
  const file = fileURLToPath(threadFile(import.meta.url, "stream-server-program"));
  const argv = [process.execPath, file, String(at.port), String(LINK_BYTES_PER_SECOND)] as const;
  return (await startServer(ground, argv)).split(" ").map(Number) as [number, number];
}

/** @returns what it prints when it serves. */
async function startServer(ground: Ground, argv: readonly [string, ...string[]]): Promise<string> {
  const command = startCommand(pinned(ground, argv));
  ground.commands.push(command);
  while (!command.stdout().endsWith("\n")) {
    if (command.ended) throw new Error(`${argv[0]}: ${command.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return command.stdout().trim();
}

function pinned({ processor }: Ground, argv: readonly [string, ...string[]]): [string, ...string[]] {
  return ["taskset", "-c", processor, ...argv];
}

export async function isInstalled(command: string): Promise<boolean> {
  return exec([command, "--version"]).then(
    () => true,
    () => false,
  );
}
