import assert from "node:assert/strict";
import { once } from "node:events";
import type { SocketAddr } from "../../../../src/net/flow.ts";
import { type Suite, suite } from "../../../support/suite.ts";
import { userspacePolicy, enginesHere, type MakeEngine } from "../bare-engine.ts";
import { deadAddr, echo, echoNamed, tcpClient, tcpEndpoint, until } from "../peers.ts";
import { stuckEndpoint } from "../stuck-endpoint.ts";

for (const { name, make } of enginesHere()) {
  const test = suite(`${name} engine: TCP as the userspace mode carries it`, { timeoutMs: 60_000 });
  if (typeof make === "string") test.skip("the contract of engines", make);
  else userspaceContract(test, make);
}

function userspaceContract(test: Suite, bareEngine: MakeEngine): void {
  test("further endpoints are tried, in order, until one accepts", async () => {
    const alive = await tcpEndpoint(echoNamed("alive"));
    const order = [deadAddr(), deadAddr(), alive.addr];
    const engine = bareEngine(({ attempt }) => order[attempt]!, { policy: userspacePolicy });
    const client = await tcpClient(await engine.listen());
    // Its end would end the answer too.
    assert.equal(String(await once(client.socket, "data")), "alive\n");
    client.socket.destroy();
    assert.deepEqual(
      engine.asked.map(({ attempt }) => attempt),
      [0, 1, 2],
    );
    assert.equal(engine.count("refused"), 2);
    engine.stop();
    await alive.close();
  });

  test("after four tries the client is closed without a byte", async () => {
    const dead = deadAddr();
    const engine = bareEngine(() => dead, { policy: userspacePolicy });
    const client = await tcpClient(await engine.listen());
    assert.equal(await client.ended, "end");
    assert.equal((await client.received).length, 0);
    assert.deepEqual([engine.asked.length, engine.count("refused")], [4, 4]);
    engine.stop();
  });

  test("kube-proxy's time-outs are 250 ms, 500 ms, 1 s and 2 s", () => {
    assert.deepEqual(userspacePolicy.dialTimeoutsMs, [250, 500, 1000, 2000]);
  });

  test("an endpoint that does not answer is left when the time-out of its try is over", async () => {
    const stuck = await stuckEndpoint();
    const engine = bareEngine(() => stuck.addr, { policy: { ...userspacePolicy, dialTimeoutsMs: [40, 80] } });
    const started = process.hrtime.bigint();
    const client = await tcpClient(await engine.listen());
    assert.equal(await client.ended, "end");
    const tookMs = Number(process.hrtime.bigint() - started) / 1e6;
    // A timer may fire late, never early; a millisecond is for its rounding.
    assert.ok(tookMs >= 118, `two tries took ${tookMs} ms`);
    assert.equal(engine.count("refused"), 2);
    engine.stop();
    await stuck.close();
  });

  test("a service port serves the next connection when the one before has reached its endpoint", async () => {
    const alive = await tcpEndpoint((socket) => socket.end("served"));
    const stuck = await stuckEndpoint();
    const of = new Map<number, SocketAddr>();
    const engine = bareEngine(({ listener }) => of.get(listener)!, {
      policy: { ...userspacePolicy, dialTimeoutsMs: [3_600_000] },
    });
    const first = await engine.listen({ group: "default/web" });
    const second = await engine.listen({ group: "default/web" });
    const other = await engine.listen({ group: "default/other" });
    of.set(0, stuck.addr).set(1, alive.addr).set(2, alive.addr);

    const stalls = await tcpClient(first);
    await until(() => engine.asked.length === 1);
    const waits = await tcpClient(second);
    const passes = await tcpClient(other);
    assert.equal(String(await passes.received), "served");
    assert.deepEqual(
      engine.asked.map(({ listener }) => listener),
      [0, 2],
    );

    // The first connection fails only now that its endpoint is gone.
    await stuck.close();
    assert.equal(await stalls.ended, "end");
    assert.equal(String(await waits.received), "served");
    engine.stop();
    await alive.close();
  });

  test("a connection that was served does not keep the next one waiting", async () => {
    const alive = await tcpEndpoint(echo);
    const engine = bareEngine(() => alive.addr, { policy: userspacePolicy });
    const at = await engine.listen();
    const stays = await tcpClient(at);
    stays.socket.write("x");
    await until(() => engine.count("bytesToClients") === 1);
    const next = await tcpClient(at);
    next.socket.write("yy");
    await until(() => engine.count("bytesToClients") === 3);
    engine.stop();
    await alive.close();
  });

  test("the end of one direction closes both, once what came before it is delivered", async () => {
    const last = Buffer.alloc(400_000, 1);
    const endpoint = await tcpEndpoint((socket) => socket.end(last));
    const engine = bareEngine(() => endpoint.addr, { policy: userspacePolicy });
    const client = await tcpClient(await engine.listen());
    assert.ok((await client.received).equals(last));
    // The client has not ended, and nothing is left of its connection.
    await until(() => engine.count("active") === 0);
    assert.equal(client.socket.writable, true);
    engine.stop();
    await endpoint.close();
  });

  test("a client that ends first gets no answer any more", async () => {
    const endpoint = await tcpEndpoint((socket) => {
      socket.resume();
      socket.on("end", () => socket.end("too late"));
    });
    const engine = bareEngine(() => endpoint.addr, { policy: userspacePolicy });
    const client = await tcpClient(await engine.listen());
    client.socket.end("question");
    assert.equal((await client.received).length, 0);
    await until(() => engine.count("active") === 0);
    assert.equal(engine.count("bytesToEndpoints"), "question".length);
    engine.stop();
    await endpoint.close();
  });
}
