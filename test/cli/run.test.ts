import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite } from "../support/suite.ts";
import { startSluice } from "./cli.ts";

/** What `run -o json` prints at the start and after every change. */
interface Listeners {
  readonly listeners: readonly {
    readonly servicePort: string;
    readonly kind: string;
    readonly listensAt: string | null;
  }[];
}

const PORT = 18_080;
const folder = mkdtempSync(join(tmpdir(), "sluice-run-"));
const file = join(folder, "cluster.json");
const servers: (Server | Socket)[] = [];
const children: ChildProcess[] = [];

/** Endpoints 10.244.0.n, whose traffic goes to 127.30.0.n, where these answer with their n. */
async function startBackends(count: number): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    const tcp = createServer((socket) => socket.on("error", () => {}).end(`${n}`));
    tcp.listen(PORT, `127.30.0.${n}`);
    const udp = createSocket("udp4", (_, client) => udp.send(`${n}`, client.port, client.address));
    udp.bind(PORT, `127.30.0.${n}`);
    servers.push(tcp, udp);
    await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
  }
}

/** Writes the cluster as an editor does: beside, then in place of the old one. */
function writeCluster(endpoints: readonly number[]): void {
  const ports = [
    { name: "tcp", protocol: "TCP", port: 80 },
    { name: "udp", protocol: "UDP", port: 53 },
  ];
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { clusterIP: "10.96.0.9", ports },
  };
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: ports.map(({ name, protocol }) => ({ name, protocol, port: PORT })),
    endpoints: endpoints.map((n) => ({ addresses: [`10.244.0.${n}`] })),
  };
  writeFileSync(`${file}.new`, JSON.stringify({ apiVersion: "v1", kind: "List", items: [service, slice] }));
  renameSync(`${file}.new`, file);
}

async function startRun(mode: string) {
  const mappings = [1, 2, 3].map((n) => `10.244.0.${n}=127.30.0.${n}`);
  const args = ["run", "-f", file, "--watch", "-o", "json", "--mode", mode, "--workers", "2", "--drain-seconds", "5"];
  const child = startSluice([...args, "--map-endpoint", ...mappings]);
  children.push(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async (): Promise<Listeners> => {
    const { value } = (await lines.next()) as { value: string };
    return JSON.parse(value) as Listeners;
  };
  const first = await next();
  const portOf = (servicePort: string): number =>
    Number(first.listeners.find((one) => one.servicePort === servicePort)!.listensAt!.split(":")[1]);
  return { child, next, tcp: portOf("default/web:tcp"), udp: portOf("default/web:udp") };
}

/** One connection. @returns which backend answered, or how it failed. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    connect(port, "127.0.0.1")
      .on("data", (chunk) => (answer += String(chunk)))
      .on("error", (error: NodeJS.ErrnoException) => resolve(error.code!))
      .on("close", () => resolve(answer));
  });
}

/** One datagram from a socket of its own. */
async function askUdp(port: number): Promise<string> {
  const socket = createSocket("udp4");
  socket.send("?", port, "127.0.0.1");
  const [answer] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return String(answer);
}

async function answers(count: number, one: () => Promise<string>): Promise<readonly string[]> {
  const all: string[] = [];
  for (let i = 0; i < count; i += 1) all.push(await one());
  return all.sort();
}

const test = suite("sluice run", { timeoutMs: 60_000, sampled: 3 });

test.before(() => startBackends(3));
test.after(() => {
  for (const server of servers) server.close();
  for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

for (const mode of ["userspace", "ipvs"]) {
  test(`${mode}: traffic follows the file as endpoints come and go, and SIGTERM ends it with 0`, async () => {
    writeCluster([1, 2]);
    const { child, next, tcp, udp } = await startRun(mode);
    assert.deepEqual(await answers(4, () => ask(tcp)), ["1", "1", "2", "2"]);
    assert.deepEqual(await answers(4, () => askUdp(udp)), ["1", "1", "2", "2"]);

    writeCluster([1, 2, 3]);
    await next();
    assert.deepEqual(await answers(6, () => ask(tcp)), ["1", "1", "2", "2", "3", "3"]);

    writeCluster([3]);
    await next();
    assert.deepEqual(await answers(2, () => ask(tcp)), ["3", "3"]);
    assert.deepEqual(await answers(2, () => askUdp(udp)), ["3", "3"]);

    child.kill("SIGTERM");
    const [exitCode] = (await once(child, "exit")) as [number | null];
    assert.equal(exitCode, 0);
    assert.equal(await ask(tcp), "ECONNREFUSED");
  });
}

for (const mode of ["iptables", "nftables"]) {
  test(`${mode}: a file that is broken for a moment changes nothing; without endpoints the port is not bound`, async () => {
    writeCluster([1]);
    const { child, next, tcp } = await startRun(mode);
    const errors = createInterface({ input: child.stderr! })[Symbol.asyncIterator]();
    writeFileSync(file, "kind: Service\n");
    for (let line = ""; !line.includes("not loaded");) line = ((await errors.next()) as { value: string }).value;
    assert.equal(await ask(tcp), "1");
    writeCluster([]);
    const { listeners } = await next();
    assert.deepEqual(
      listeners.map(({ listensAt }) => listensAt),
      [null, null],
    );
    assert.equal(await ask(tcp), "ECONNREFUSED");
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
}
