import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { isSluiceError } from "../../../src/core/errors.ts";
import { startEchoBackends } from "../../../src/measure/echo/backends.ts";
import { countsSince } from "../../../src/measure/echo/counters.ts";
import { startNodeGenerator } from "../../../src/measure/load/generator.ts";
import type { LoadTask } from "../../../src/measure/load/task.ts";
import { suite } from "../../support/suite.ts";
import { echoServer } from "../load/servers.ts";

const test = suite("echo backends");

test("backends and load generator work in threads of their own, and end when closed", async () => {
  const backends = await startEchoBackends([
    { protocol: "tcp", host: "127.0.0.1", port: 0 },
    { protocol: "tcp", host: "127.0.0.2", port: 0 },
    { protocol: "udp", host: "127.0.0.3", port: 0 },
  ]);
  const generator = startNodeGenerator();
  const [first, second, third] = backends.ports.map((port, at) => ({ host: `127.0.0.${at + 1}`, port }));
  const common = { concurrency: 4, messageBytes: 64, windowMs: 100, timeoutMs: 15_000 };
  const tcp: LoadTask = { ...common, work: "tcp-request-response", targets: [first!, second!], firstLane: 1 };
  const before = await backends.newSlice();
  const tcpSample = await generator.run(tcp);
  const between = await backends.newSlice();
  const udpSample = await generator.run({ ...tcp, work: "udp-request-response", targets: [third!], firstLane: 5 });
  const after = await backends.counts();
  await generator.close();
  await backends.close();

  const tcpSeen = countsSince(before, between);
  assert.deepEqual(
    tcpSeen.map(({ connections }) => connections),
    [2, 2, 0],
  );
  assert.equal(tcpSeen[0]!.requests + tcpSeen[1]!.requests, tcpSample.answers);
  assert.equal(tcpSeen[0]!.bytesIn + tcpSeen[1]!.bytesIn, tcpSample.answers * 64);
  const udpSeen = countsSince(between, after);
  assert.equal(udpSeen[2]!.requests, udpSample.answers);
  assert.equal(udpSeen[2]!.flows, udpSample.opened);
});

test("an abort reaches the generator's thread", async () => {
  const server = await echoServer("tcp", 1);
  const generator = startNodeGenerator();
  const abort = new AbortController();
  const task = { work: "tcp-request-response", targets: server.targets, concurrency: 1, messageBytes: 64 } as const;
  const running = generator.run({ ...task, windowMs: 60_000, timeoutMs: 60_000, firstLane: 1 }, abort.signal);
  setTimeout(() => abort.abort(), 50);
  assert.ok((await running).seconds < 60);
  await generator.close();
  await server.close();
});

test("an address that is taken is named, and nothing stays open", async () => {
  const taken = await echoServer("tcp", 1);
  const { port } = taken.targets[0]!;
  const specs = [
    { protocol: "tcp", host: "127.0.0.9", port: 0 },
    { protocol: "tcp", host: "127.0.0.1", port },
  ] as const;
  await assert.rejects(startEchoBackends(specs), (error) => {
    assert.ok(isSluiceError(error, "HOST_UNABLE"));
    assert.equal(error.details.missing, `tcp 127.0.0.1 port ${port} to listen on`);
    return true;
  });
  await taken.close();
});

test("a connection that does not speak our protocol is closed without an answer", async () => {
  const server = await echoServer("tcp", 1);
  const socket = connect(server.targets[0]!);
  let answered = 0;
  socket.on("data", (chunk) => (answered += chunk.length));
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: example\r\n\r\n");
  await once(socket, "close");
  assert.equal(answered, 0);
  await server.close();
});

test("closing drops connections that are still open", async () => {
  const server = await echoServer("tcp", 1);
  const socket = connect(server.targets[0]!);
  await once(socket, "connect");
  const closed = once(socket, "close");
  await server.close();
  await closed;
});
