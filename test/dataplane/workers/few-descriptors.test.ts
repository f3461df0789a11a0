/** What becomes of clients while there are no descriptors for them, and after that. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";
import { startBackend } from "./backend-process.ts";
import { killForwarding, startForwarding } from "./forwarding-process.ts";
import { askOnce, freeAddr, tcpClient, until } from "./peers.ts";
import { whyMissing } from "./running.ts";

const KEPT = 10;
const LATE = 40;
/** Descriptors that are left; two each are for a connection. */
const FEW = 5;
const ENOUGH = 4 * LATE;
const ROUNDS = 15;
const CALM_MS = 100;
/** Accepting rests at least so long, in each of two workers, unless a connection has ended. */
const REST_MS = 50;
const WORKERS = 2;

async function ask(socket: Socket, text: string): Promise<void> {
  socket.write(text);
  let back = "";
  while (back.length < text.length) back += String(((await once(socket, "data")) as [Buffer])[0]);
  assert.equal(back, text);
}

/** A client that is connected before anybody knows whether it will be served, and what became of it. */
function lateClient(to: SocketAddr): { readonly socket: Socket; fate: "waits" | "served" | "ended" } {
  const socket = connect({ host: formatIp(to.ip), port: to.port });
  const client = { socket, fate: "waits" as "waits" | "served" | "ended" };
  socket.on("error", () => {});
  socket.once("data", () => (client.fate = "served"));
  socket.once("close", () => (client.fate = client.fate === "waits" ? "ended" : client.fate));
  socket.write("late");
  return client;
}

for (const engine of ["node", "native"] as const) {
  const test = suite(`workers: few descriptors, ${engine} engine`, { timeoutMs: 120_000 });
  const name = "open connections go on, accepting rests without spinning, is counted, and goes on";
  const missing = whyMissing(engine) ?? (process.platform === "linux" ? undefined : "it takes prlimit");
  test.after(killForwarding);
  if (missing !== undefined) test.skip(name, missing);
  else
    test(name, async () => {
      const backend = await startBackend("echo");
      test.after(() => backend.kill());
      const at = await freeAddr();
      const forwarding = await startForwarding(engine, at, { tcp: backend.addr, udp: backend.addr });
      const kept = await Promise.all(Array.from({ length: KEPT }, () => tcpClient(at)));
      for (const { socket } of kept) await ask(socket, "first");
      await forwarding.limitDescriptors(FEW);
      const beganMs = performance.now();
      const beforeMs = forwarding.processorMs();
      const late = Array.from({ length: LATE }, () => lateClient(at));
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const { socket } of kept) await ask(socket, `round ${round}`);
        await sleep(CALM_MS);
      }
      const processorShare = (forwarding.processorMs() - beforeMs) / (performance.now() - beganMs);
      assert.ok(processorShare < 0.5, `${processorShare} of a processor while it starves`);
      assert.ok(late.some(({ fate }) => fate !== "served"));

      await forwarding.limitDescriptors(ENOUGH);
      const starvedMs = performance.now() - beganMs;
      await until(() => late.every(({ fate }) => fate !== "waits"));
      for (const { socket } of kept) await ask(socket, "last");
      assert.deepEqual(
        await Promise.all(late.map(() => askOnce(at, "new"))),
        late.map(() => "new"),
      );
      for (const { socket } of [...kept, ...late]) socket.destroy();
      const { acceptFailures = 0 } = await forwarding.stop();
      const most = LATE + WORKERS * (starvedMs / REST_MS + 1);
      assert.ok(acceptFailures >= 1 && acceptFailures <= most, `${acceptFailures} failures in ${starvedMs} ms`);
    });
}
