/** A thread that waits in the C engine: whatever else its loop has to do is done, and it costs nothing when there is nothing. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { promisify } from "node:util";
import { MessageChannel, Worker } from "node:worker_threads";
import { threadFile } from "../../src/host/thread-file.ts";
import { type BareEngine, enginesHere, type MakeEngine } from "../dataplane/workers/bare-engine.ts";
import { deadAddr } from "../dataplane/workers/peers.ts";
import { type Suite, suite } from "../support/suite.ts";

/** What is not done in this time would not be done at all. */
const test = suite("thread that waits in the engine", { timeoutMs: 20_000 });
const IDLE_MS = 400;

const native = enginesHere().find(({ name }) => name === "native")!.make;
if (typeof native === "string") test.skip("all of it", native);
else waiting(test, native);

function waiting(within: Suite, bareEngine: MakeEngine): void {
  /** Each is the only thing that the loop waits for. */
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    "a timer": () => new Promise((resolve) => setTimeout(resolve, 20)),
    "a timer that does not keep the thread": () => new Promise((resolve) => setTimeout(resolve, 20).unref()),
    "an immediate": () => new Promise(setImmediate),
    "a file, read by the pool": () => readFile("/proc/self/status"),
    "a process that ends": () => promisify(execFile)("true"),
    "a message of another thread": messageOfThread,
    "what a thread is told that waits in an engine of its own, and with its end": idleThread,
    "a port of its own": messageOfPort,
    "a socket that was just opened": socketOpened,
    "one after the other": async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        await new Promise(setImmediate);
        await new Promise((resolve) => setTimeout(resolve, 1));
        await readFile("/proc/self/stat");
      }
    },
  };
  for (const [name, work] of Object.entries(works)) {
    within(`goes on with ${name}`, () => besideEngine(bareEngine, work));
  }

  within("does nothing while there is nothing to do", () =>
    besideEngine(bareEngine, async (engine) => {
      await engine.listen();
      const before = process.cpuUsage();
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      const { user, system } = process.cpuUsage(before);
      assert.ok((user + system) / 1000 < IDLE_MS / 2, `${user + system} µs`);
    }),
  );

  within("wakes for a timer within milliseconds", () =>
    besideEngine(bareEngine, async () => {
      const late: number[] = [];
      for (let turn = 0; turn < 20; turn += 1) {
        const due = performance.now() + 10;
        await new Promise((resolve) => setTimeout(resolve, 10));
        late.push(performance.now() - due);
      }
      late.sort((a, b) => a - b);
      // In the median: a busy host delays some. Node itself rounds by one, and may be one early.
      assert.ok(late[10]! > -1.5 && late[10]! < 10, late.join());
    }),
  );
}

async function besideEngine(bareEngine: MakeEngine, run: (engine: BareEngine) => Promise<unknown>): Promise<void> {
  const addr = deadAddr();
  const engine = bareEngine(() => addr);
  try {
    await run(engine);
  } finally {
    engine.stop();
  }
}

async function messageOfThread(): Promise<void> {
  const source =
    'require("node:worker_threads").parentPort.once("message", (told) => setTimeout(() => process.exit(told), 50))';
  const thread = new Worker(source, { eval: true });
  thread.postMessage(7, []);
  assert.deepEqual(await once(thread, "exit"), [7]);
}

async function idleThread(): Promise<void> {
  const thread = new Worker(threadFile(import.meta.url, "idle-engine-thread"));
  assert.deepEqual(await once(thread, "message"), ["idle"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  thread.postMessage("told", []);
  assert.deepEqual(await once(thread, "message"), ["told"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await thread.terminate(), 1);
}

async function messageOfPort(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage("told", []);
  assert.deepEqual(await once(port2, "message"), ["told"]);
  port1.close();
}

async function socketOpened(): Promise<void> {
  const server: Server = createServer((socket) => socket.end("x")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as { readonly port: number }).port, "127.0.0.1").resume();
  await once(client, "end");
  server.close();
  await once(server, "close");
}
