import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { suite } from "../support/suite.ts";
import { startSluice } from "./cli.ts";
import { type GivenService, servicesOf, writeCluster } from "./cluster-file.ts";
import { killAll, listensAt, type Listening, runSluice, type Stopped } from "./running-sluice.ts";

const test = suite("sluice run: signals", { timeoutMs: 60_000, sampled: 3 });
const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
let file: string;

test.before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpointPort = (server.address() as AddressInfo).port;
  file = writeCluster("signals.json", servicesOf([{ name: "web", endpoints: ["127.0.0.1"], endpointPort }]));
});
test.after(() => {
  killAll();
  server.close();
});

/** A connection that has reached its endpoint, and how it will end. */
async function open(listening: Listening): Promise<{ socket: Socket; ended: Promise<string> }> {
  const [host, port] = listensAt(listening, "default/web:main").split(":");
  const socket = connect(Number(port), host);
  const ended = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code!)).on("close", () => resolve("closed"));
  });
  socket.write("?");
  await once(socket, "data");
  return { socket, ended };
}

/**
 * Resolves when a process catches signals to stop. Node itself catches SIGTERM and SIGINT from the start, to leave the
 * terminal as it was; SIGHUP, signal 1, tells.
 */
async function catching(pid: number): Promise<void> {
  for (;;) {
    const mask = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
    if ((BigInt(`0x${mask}`) & 1n) === 1n) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const whereSeen = existsSync("/proc/self/status")
  ? test
  : (name: string): void => test.skip(name, "no /proc here that tells which signals a process catches");

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  test(`${signal} while the input is read: there is nothing to undo, and it ends by the signal`, async () => {
    const child = startSluice(["run", "-f", "-"]);
    // More than a pipe holds: written means that it is being read.
    await new Promise((resolve) => child.stdin!.write("#".repeat(1_000_000), resolve));
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [null, signal]);
  });

  whereSeen(`${signal} while the first program is applied: it ends with 0`, async () => {
    const many: GivenService[] = Array.from({ length: 400 }, (_, n) => ({
      name: `s${n}`,
      clusterIp: `10.97.${n >> 8}.${n & 255}`,
      endpoints: ["127.0.0.1"],
      endpointPort: 9,
    }));
    const run = runSluice(["-f", writeCluster("many.json", servicesOf(many)), "--mode", "iptables"]);
    await catching(run.child.pid!);
    const { exitCode, stderr } = await run.stop(signal);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /draining/);
  });

  test(`${signal} while it serves: open connections end by themselves, then it ends with 0`, async () => {
    const run = runSluice(["-f", file]);
    const { socket, ended } = await open(await run.next());
    run.child.kill(signal);
    await run.said(/draining: no new connections; open ones have 30 s to end/);
    socket.end();
    assert.equal(await ended, "closed");
    const { event, counters } = await run.next<Stopped>();
    assert.deepEqual([event, counters["accepted"], counters["active"]], ["stopped", 1, 0]);
    assert.equal((await run.ended()).exitCode, 0);
  });

  test(`a second ${signal} while connections are drained ends them at once, with 0`, async () => {
    const run = runSluice(["-f", file, "--drain-seconds", "3600"]);
    const { ended } = await open(await run.next());
    run.child.kill(signal);
    await run.said(/3600 s to end/);
    const { exitCode, stderr } = await run.stop(signal);
    assert.match(stderr, /ending at once, with 1 open connection$/m);
    assert.equal(exitCode, 0, stderr);
    assert.match(await ended, /ECONNRESET|closed/);
  });
}

whereSeen("two signals while the first program is applied end it at once, with 0", async () => {
  const run = runSluice(["-f", file]);
  await catching(run.child.pid!);
  run.child.kill("SIGTERM");
  run.child.kill("SIGINT");
  const { exitCode, stderr } = await run.ended();
  assert.equal(exitCode, 0, stderr);
});

for (const [seconds, words] of [
  ["0", "0 s"],
  ["1", "1 s"],
] as const) {
  test(`--drain-seconds ${seconds}: what is open after that is reset, and told`, async () => {
    const run = runSluice(["-f", file, "--drain-seconds", seconds]);
    const { ended } = await open(await run.next());
    const { exitCode, stderr } = await run.stop();
    assert.match(stderr, new RegExp(`open ones have ${words} to end`));
    assert.match(stderr, /1 connection was still open and reset/);
    assert.equal(await ended, "ECONNRESET");
    assert.equal(exitCode, 0);
  });
}

test("a reader of standard output that goes away stops it as a signal does", async () => {
  const run = runSluice(["-f", file, "--watch"]);
  await run.next();
  run.child.stdout!.destroy();
  writeCluster("signals.json", servicesOf([{ name: "other", endpoints: ["127.0.0.1"], endpointPort: 9 }]));
  await run.said(/draining/);
  assert.equal((await run.ended()).exitCode, 0);
});
