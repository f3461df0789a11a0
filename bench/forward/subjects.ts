import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningCommand, startCommand } from "../../src/host/exec.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import type { Backend, OurArguments, Work } from "./proxied.ts";

/** A proxy in a process of its own, or none. */
export interface Subject {
  readonly name: string;
  /** Where each kind of work is served; what it cannot carry is missing. */
  readonly ports: Readonly<Partial<Record<Work["kind"], number>>>;
  /** Processor time so far, in nanoseconds; undefined where there is no proxy. */
  cpuNs(): number | undefined;
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
  return { name: "no proxy", ports, cpuNs: () => undefined, stop: async () => {} };
}

export async function ours(given: OurArguments): Promise<Subject> {
  const file = fileURLToPath(threadFile(import.meta.url, "our-proxy-program"));
  const command = startCommand(["taskset", "-c", PROXY_CPU, process.execPath, file, JSON.stringify(given)]);
  await untilReady(command, () => command.stdout().endsWith("\n"));
  return subjectOf(`${given.engine} engine`, command, JSON.parse(command.stdout()) as Subject["ports"]);
}

const NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** @returns why it is not measured. */
export async function nginx(folder: string, backends: readonly Backend[]): Promise<Subject | string> {
  if (!existsSync("/usr/sbin/nginx") || !existsSync(NGINX_MODULE)) return "nginx: not installed";
  const ports = await freePorts(backends);
  const servers = backends.map(({ work, proto, port }) => {
    const udp = proto === "udp" ? " udp" : " backlog=4096";
    return `server { listen 127.0.0.1:${ports[work]}${udp}; proxy_pass 127.0.0.1:${port}; }`;
  });
  const file = join(folder, "nginx.conf");
  const lines = [
    `load_module ${NGINX_MODULE};`,
    `daemon off; master_process off; pid ${join(folder, "nginx.pid")}; error_log stderr crit;`,
    "events { worker_connections 10000; multi_accept on; }",
    `stream { tcp_nodelay on; ${servers.join("\n")} }`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return serving("nginx", ["/usr/sbin/nginx", "-c", file], ports);
}

/** @returns why it is not measured. */
export async function haproxy(folder: string, all: readonly Backend[]): Promise<Subject | string> {
  if (!existsSync("/usr/sbin/haproxy")) return "haproxy: not installed";
  const backends = all.filter(({ proto }) => proto === "tcp");
  const ports = await freePorts(backends);
  const file = join(folder, "haproxy.cfg");
  const sections = backends.map(
    ({ work, port }) => `listen ${work}\n  bind 127.0.0.1:${ports[work]}\n  server one 127.0.0.1:${port}`,
  );
  const head = [
    "global\n  nbthread 1\n  maxconn 9000",
    "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s",
  ];
  writeFileSync(file, `${[...head, ...sections].join("\n")}\n`);
  return serving("haproxy", ["/usr/sbin/haproxy", "-db", "-f", file], ports);
}

async function serving(name: string, argv: readonly string[], ports: Subject["ports"]): Promise<Subject> {
  const command = startCommand(["taskset", "-c", PROXY_CPU, ...argv]);
  const listens = `0100007F:${ports.close!.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  await untilReady(command, () => readFileSync("/proc/net/tcp", "utf8").includes(listens));
  return subjectOf(name, command, ports);
}

function subjectOf(name: string, command: RunningCommand, ports: Subject["ports"]): Subject {
  return {
    name,
    ports,
    cpuNs: () => cpuNs(command.pid),
    async stop() {
      await command.stop("SIGKILL");
    },
  };
}

/** User and system time of a process, from /proc/PID/stat: fields 14 and 15. */
function cpuNs(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * NS_PER_TICK;
}

/** A port for each backend that nobody listens at right now. */
async function freePorts(backends: readonly Backend[]): Promise<Record<string, number>> {
  const servers = backends.map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(backends.map(({ work }, at) => [work, ports[at]!]));
}
