import assert from "node:assert/strict";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { notFound, textAnswer } from "../../../src/agent/http/answer.ts";
import { keepServing } from "../../../src/agent/http/keep-serving.ts";
import { openServer } from "../../../src/agent/http/server.ts";
import { isSluiceError, type SluiceError } from "../../../src/core/errors.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("HTTP servers of the agent");

const loopback = { ip: parseIp("127.0.0.1"), port: 0 };
const hello = () => textAnswer(200, "hello");

interface Reply {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(
  port: number,
  options: { method?: string; path?: string; host?: string; body?: string } = {},
): Promise<Reply> {
  const { method = "GET", path = "/", host = "127.0.0.1", body } = options;
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

test("answers with status, headers and length, and tells the path without its query", async () => {
  const paths: string[] = [];
  const server = await openServer(loopback, ({ path, method }) => {
    paths.push(`${method} ${path}`);
    return path === "/é" ? notFound : textAnswer(503, "größer");
  });
  const { status, headers, body } = await ask(server.port, { path: "/healthz?verbose=1#x" });
  assert.deepEqual([status, body], [503, "größer"]);
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["content-length"], "8");
  assert.deepEqual(paths, ["GET /healthz"]);
  await server.close();
});

test("HEAD gets the same headers and no body; a body that was sent is not read, and ends the connection", async () => {
  const server = await openServer(loopback, hello);
  const head = await ask(server.port, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"], head.body], [200, "5", ""]);
  const post = await ask(server.port, { method: "POST", body: "x".repeat(1000) });
  assert.deepEqual([post.status, post.body, post.headers["connection"]], [200, "hello", "close"]);
  await server.close();
});

test("an answer that throws is a 500, and the server goes on", async () => {
  let broken = true;
  const server = await openServer(loopback, () => {
    if (broken) throw new Error("no answer");
    return hello();
  });
  const { status, body } = await ask(server.port);
  assert.deepEqual([status, body], [500, "no answer\n"]);
  broken = false;
  assert.equal((await ask(server.port)).status, 200);
  await server.close();
});

test("headers beyond the limit are refused", async () => {
  const server = await openServer(loopback, hello);
  const socket = connect(server.port, "127.0.0.1");
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);
  const [reply] = (await once(socket, "data")) as [Buffer];
  assert.match(reply.toString(), /^HTTP\/1\.1 431 /);
  socket.destroy();
  await server.close();
});

test("closing ends connections that are idle or half asked, and frees the port", async () => {
  const server = await openServer(loopback, hello);
  const socket: Socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET / HTTP/1.1\r\n");
  // Whoever is in the middle of asking is cut off.
  socket.on("error", () => {});
  const ended = new Promise((resolve) => socket.on("close", resolve));
  await server.close();
  await ended;
  const again = await openServer({ ...loopback, port: server.port }, hello);
  assert.equal(again.port, server.port);
  await again.close();
});

test("a wildcard takes both families, as in Go, and one family alone when it is told so", async () => {
  const both = await openServer({ ip: parseIp("0.0.0.0"), port: 0 }, hello);
  assert.equal((await ask(both.port)).status, 200);
  assert.equal((await ask(both.port, { host: "::1" })).status, 200);
  await both.close();
  const only6 = await openServer({ ip: parseIp("::"), port: 0, only: 6 }, hello);
  const only4 = await openServer({ ip: parseIp("0.0.0.0"), port: only6.port, only: 4 }, () => textAnswer(200, "4"));
  assert.equal((await ask(only6.port)).body, "4");
  assert.equal((await ask(only6.port, { host: "::1" })).body, "hello");
  await Promise.all([only4.close(), only6.close()]);
});

/** A port that somebody else has, until `free` is called. */
async function takenPort(): Promise<{ port: number; free(): Promise<void> }> {
  const owner = createServer();
  owner.listen(0, "127.0.0.1");
  await once(owner, "listening");
  const address = owner.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    port: address.port,
    async free() {
      owner.close();
      await once(owner, "close");
    },
  };
}

test("an address that is taken is tried again every five seconds", async () => {
  const taken = await takenPort();
  const clock = manualClock();
  const failures: SluiceError<"HOST_UNABLE">[] = [];
  let failed = (): void => {};
  const nextFailure = () => new Promise<void>((resolve) => (failed = resolve));
  const server = await keepServing({
    name: "healthz",
    at: { ...loopback, port: taken.port },
    answer: hello,
    hardFail: false,
    onFailure(error) {
      failures.push(error);
      failed();
    },
    timers: clock,
  });
  assert.equal(failures.length, 1);
  assert.match(
    failures[0]!.message,
    new RegExp(`^cannot serve healthz at 127\\.0\\.0\\.1:${taken.port}: .*EADDRINUSE`),
  );
  assert.equal(failures[0]!.details.missing, `127.0.0.1:${taken.port}`);
  assert.equal(server.port(), undefined);
  clock.advance(4999);
  const second = nextFailure();
  clock.advance(1);
  await second;
  assert.equal(failures.length, 2);
  await taken.free();
  clock.advance(5000);
  while (server.port() === undefined) await new Promise(setImmediate);
  assert.equal((await ask(taken.port)).body, "hello");
  await server.close();
  await server.close();
});

test("with hardFail an address that is taken is an error, at once", async () => {
  const taken = await takenPort();
  const serving = keepServing({
    name: "metrics",
    at: { ...loopback, port: taken.port },
    answer: hello,
    hardFail: true,
    onFailure: () => assert.fail("is not tried again"),
    timers: manualClock(),
  });
  await assert.rejects(serving, (error) => isSluiceError(error, "HOST_UNABLE"));
  await taken.free();
});

test("closing while it waits for its address ends the waiting", async () => {
  const taken = await takenPort();
  const clock = manualClock();
  let failures = 0;
  const at = { ...loopback, port: taken.port };
  const onFailure = () => (failures += 1);
  const server = await keepServing({ name: "x", at, answer: hello, hardFail: false, onFailure, timers: clock });
  await server.close();
  await taken.free();
  clock.advance(60_000);
  assert.deepEqual([failures, server.port()], [1, undefined]);
  await assert.rejects(ask(taken.port), { code: "ECONNREFUSED" });
});
