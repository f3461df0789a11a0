import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { resetSocket } from "../../../../src/dataplane/workers/node-engine/tcp-reset.ts";
import { suite } from "../../../support/suite.ts";
import { type Client, tcpClient, tcpEndpoint, until } from "../peers.ts";

const test = suite("node engine: resets", { timeoutMs: 60_000 });

/** Runs a test with one side of a connection, which must have no error, and the client at the other. */
async function connected(run: (socket: Socket, client: Client) => Promise<void>): Promise<void> {
  const errors: Error[] = [];
  const endpoint = await tcpEndpoint((socket) => socket.on("error", (error) => errors.push(error)));
  const client = await tcpClient(endpoint.addr);
  await until(() => endpoint.sockets.length === 1);
  await run(endpoint.sockets[0]!, client);
  assert.deepEqual(errors, []);
  client.socket.destroy();
  await endpoint.close();
}

async function reset(socket: Socket): Promise<void> {
  const closed = once(socket, "close");
  resetSocket(socket);
  await closed;
}

test("an open connection is reset", () =>
  connected(async (socket, client) => {
    await reset(socket);
    assert.equal(await client.ended, "ECONNRESET");
  }));

test("what waits to be sent is not waited for", () =>
  connected(async (socket, client) => {
    // More than the kernel takes at once.
    socket.write(Buffer.alloc(64_000_000));
    await reset(socket);
    assert.ok((await client.received).length < 64_000_000);
  }));

test("a connection whose FIN is under way is reset behind it", () =>
  connected(async (socket, client) => {
    socket.end();
    await reset(socket);
    await client.ended;
    // The first byte meets the reset, the second one tells.
    while (!client.socket.destroyed) {
      client.socket.write("x");
      await new Promise(setImmediate);
    }
  }));

test("a connection that has ended is left alone", () =>
  connected(async (socket) => {
    await reset(socket);
    resetSocket(socket);
    await new Promise(setImmediate);
  }));
