/** `sluice run` with one service, looked at from outside as the kernel sees it. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { readdirSync, readFileSync } from "node:fs";
import type { EngineName } from "../../../src/dataplane/workers/choose-engine.ts";
import { execOk, type RunningCommand, startCommand } from "../../../src/host/exec.ts";
import { formatSocketAddr, type SocketAddr } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { nodeNamed, servicesOf, writeCluster } from "../../cli/cluster-file.ts";
import { type Listening, listensAt, type Stopped } from "../../cli/running-sluice.ts";
import { inProject } from "../../support/root.ts";
import { until } from "./peers.ts";

interface ForwardingProcess {
  /** Descriptors that are open. */
  descriptors(): number;
  /** Leaves room for so many more descriptors. */
  limitDescriptors(more: number): Promise<void>;
  /** Time that processors have spent on it, in milliseconds. */
  processorMs(): number;
  /** Bytes of memory that are its own and really there: heaps and stacks, no files. */
  ownBytes(): number;
  /** @returns its counters. */
  stop(): Promise<Stopped["counters"]>;
  /** Ends it as nothing in it does. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** USER_HZ, the same on all hosts with Linux. */
const TICKS_A_SECOND = 100;

/** Where the traffic of the two services goes. */
interface Endpoints {
  readonly tcp: SocketAddr;
  readonly udp: SocketAddr;
}

/**
 * Starts it, and waits until it listens.
 *
 * @param at where TCP and UDP are to be served.
 * @param through a command that becomes the one that follows it.
 */
export async function startForwarding(
  engine: EngineName,
  at: SocketAddr,
  to: Endpoints,
  through: readonly string[] = [],
): Promise<ForwardingProcess> {
  const where = formatSocketAddr(at);
  const options = ["--mode", "iptables", "--engine", engine, "--hostname-override", "node-a", "--drain-seconds", "0"];
  for (const [name, endpoint] of Object.entries(to)) {
    options.push("--listen", `default/${name}:main=${where}`);
    options.push("--map-endpoint", `10.244.0.1:${ports[name as keyof Endpoints]}=${formatSocketAddr(endpoint)}`);
  }
  const words = ["run", "-o", "json", "--workers", "2", ...options, "-f", clusterFile()];
  const command = [...through, process.execPath, inProject("dist", "cli", "main.js"), ...words];
  const running = startCommand(command as [string, ...string[]]);
  started.add(running);
  const lines = (): string[] => running.stdout().split("\n").slice(0, -1);
  await until(() => lines().length > 0 || running.ended);
  if (running.ended) throw new Error(`it ended: ${running.stderr()}`);
  const listening = JSON.parse(lines()[0]!) as Listening;
  for (const name of Object.keys(to)) assert.equal(listensAt(listening, `default/${name}:main`), where);
  const { pid } = running;
  const openDescriptors = (): readonly string[] => readdirSync(`/proc/${pid}/fd`);
  return {
    descriptors: () => openDescriptors().length,
    async limitDescriptors(more) {
      const taken = new Set(openDescriptors().map(Number));
      let soft = 0;
      // Numbers that are free below the limit: a process may have higher ones.
      for (let free = 0; free < more; soft += 1) free += taken.has(soft) ? 0 : 1;
      await execOk(["prlimit", "--pid", String(pid), `--nofile=${soft}:`]);
    },
    processorMs() {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_A_SECOND);
    },
    ownBytes: () => Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024,
    async stop() {
      assert.equal(await running.stop(), 0);
      return (JSON.parse(lines().at(-1)!) as Stopped).counters;
    },
    kill: async () => void (await running.stop("SIGKILL")),
  };
}

/** Ends what a test has left. */
export async function killForwarding(): Promise<void> {
  for (const running of started) await running.stop("SIGKILL");
}

const started = new Set<RunningCommand>();

/** By which the endpoints of the two services are told apart. */
const ports: Readonly<Record<keyof Endpoints, number>> = { tcp: 80, udp: 53 };

function clusterFile(): string {
  const one = { endpoints: ["10.244.0.1"] };
  const services = servicesOf([
    { ...one, name: "tcp", clusterIp: "10.96.0.1", endpointPort: ports.tcp },
    { ...one, name: "udp", clusterIp: "10.96.0.2", protocol: "UDP", endpointPort: ports.udp },
  ]);
  return writeCluster("forwarding.json", [nodeNamed("node-a"), ...services]);
}

/** One datagram to an echo, sent again until its answer is there. @returns the answer. */
export function askByUdp(to: SocketAddr, text: string): Promise<string> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    const send = (): void => socket.send(text, to.port, formatIp(to.ip));
    const again = setInterval(send, 500);
    socket.on("error", () => {});
    socket.once("message", (answer) => {
      clearInterval(again);
      socket.close();
      resolve(String(answer));
    });
    send();
  });
}
