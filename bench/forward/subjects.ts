import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { freeAddress, isListening } from "../../src/lab/peers/listening.ts";
import { peerVersion } from "../../src/lab/peers/peer-dataplane.ts";
import { type Peer, peers } from "../../src/lab/peers/peer.ts";
import { type Protocol, TCP, UDP } from "../../src/net/flow.ts";
import { parseIp } from "../../src/net/ip.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import type { Backend, OurArguments, Work } from "./proxied.ts";

/** A proxy in a process of its own, or none. */
export interface Subject {
  readonly name: string;
  /** Where each kind of work is served; what it cannot carry is missing. */
  readonly ports: Readonly<Partial<Record<Work["kind"], number>>>;
  /** Processor time so far, in nanoseconds; undefined where there is no proxy. */
  cpuNs(): number | undefined;
  /** Memory of its own, in bytes; undefined where there is no proxy. */
  memoryBytes(): number | undefined;
  readonly pid?: number;
  stop(): Promise<void>;
}

/** The proxy has one processor, and all others have the other. */
const PROXY_CPU = "0";
export const OTHER_CPU = "1";
/** What /proc counts processor time in. */
const NS_PER_TICK = 1e7;
const START_MS = 20_000;

/** Resolves when it holds. @throws {Error} with what the command said when it ended or took too long. */
export async function untilReady(command: RunningCommand, holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 10) {
    if (command.ended || waitedMs > START_MS) throw new Error(`it does not start: ${command.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function direct(backends: readonly Backend[]): Subject {
  const ports = Object.fromEntries(backends.map(({ work, port }) => [work, port]));
  return { name: "no proxy", ports, cpuNs: () => undefined, memoryBytes: () => undefined, stop: async () => {} };
}

export async function ours(given: OurArguments): Promise<Subject> {
  const file = fileURLToPath(threadFile(import.meta.url, "our-proxy-program"));
  const command = startCommand(["taskset", "-c", PROXY_CPU, process.execPath, file, JSON.stringify(given)]);
  await untilReady(command, () => command.stdout().endsWith("\n"));
  return subjectOf(`${given.engine} engine`, command, JSON.parse(command.stdout()) as Subject["ports"]);
}

/** @returns why it is not measured. */
export async function peer(
  name: "nginx" | "haproxy",
  folder: string,
  all: readonly Backend[],
): Promise<Subject | string> {
  if ((await peerVersion(name)) === undefined) return `${name}: not installed`;
  const { udp, start }: Peer = peers[name];
  const backends = all.filter(({ proto }) => udp || proto === "tcp");
  const services = await Promise.all(
    backends.map(async ({ work, proto, port }) => {
      const number: Protocol = proto === "udp" ? UDP : TCP;
      return { name: work, proto: number, at: await freeAddress(number), servers: [{ ip: LOOPBACK, port }] };
    }),
  );
  const path = join(folder, `${name}.conf`);
  const { config = "", commands } = start(services, path, 1);
  writeFileSync(path, config);
  const command = startCommand(["taskset", "-c", PROXY_CPU, ...commands[0]!]);
  await untilReady(command, () => services.every(({ proto, at }) => isListening(proto, at)));
  return subjectOf(name, command, Object.fromEntries(services.map(({ name: work, at }) => [work, at.port])));
}

const LOOPBACK = parseIp("127.0.0.1");

function subjectOf(name: string, command: RunningCommand, ports: Subject["ports"]): Subject {
  return {
    name,
    ports,
    cpuNs: () => cpuNs(command.pid),
    memoryBytes: () => memoryBytes(command.pid),
    ...(command.pid === undefined ? {} : { pid: command.pid }),
    async stop() {
      await command.stop("SIGKILL");
    },
  };
}

/** Pages that no file is behind, from /proc/PID/status. */
function memoryBytes(pid: number | undefined): number {
  const kilobytes = /^RssAnon:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kilobytes?.[1]) * 1024;
}

/** User and system time of a process, from /proc/PID/stat: fields 14 and 15. */
function cpuNs(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * NS_PER_TICK;
}
