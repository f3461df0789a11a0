import assert from "node:assert/strict";
import { type SocketAddr, UDP } from "../../../../src/net/flow.ts";
import { parseIp } from "../../../../src/net/ip.ts";
import { type Suite, suite } from "../../../support/suite.ts";
import {
  type BareEngineOptions,
  type BareEngine,
  userspacePolicy,
  enginesHere,
  type MakeEngine,
} from "../bare-engine.ts";
import { deadAddr, udpEcho, type UdpPeer, udpPeer, until } from "../peers.ts";

interface Scene {
  readonly engine: BareEngine;
  /** Of the engine's listener. */
  readonly at: SocketAddr;
  readonly endpoints: readonly [UdpPeer, UdpPeer];
  readonly client: UdpPeer;
}

for (const { name, make } of enginesHere()) {
  const test = suite(`${name} engine: UDP`, { timeoutMs: 60_000 });
  if (typeof make === "string") test.skip("the contract of engines", make);
  else udpContract(test, make);
}

function udpContract(test: Suite, bareEngine: MakeEngine): void {
  /** Runs a test with two echoing endpoints, which take turns in taking new flows. */
  async function scene(run: (scene: Scene) => Promise<void>, options: BareEngineOptions = {}): Promise<void> {
    const endpoints = [await udpPeer("127.0.0.1", udpEcho), await udpPeer("127.0.0.1", udpEcho)] as const;
    const client = await udpPeer();
    let turn = 0;
    const engine = bareEngine(() => endpoints[turn++ % 2]!.addr, options);
    try {
      const at = await engine.listen({ proto: UDP });
      await run({ engine, at, endpoints, client });
    } finally {
      engine.stop();
      for (const peer of [...endpoints, client]) peer.close();
    }
  }

  const texts = ({ received }: UdpPeer): string[] => received.map(({ text }) => text);

  test("datagrams of one client go to one endpoint, and answers come from the listener", () =>
    scene(async ({ engine, at, endpoints, client }) => {
      for (const text of ["a", "b", "c"]) client.send(text, at);
      await client.count(3);
      assert.deepEqual(texts(client).sort(), ["a", "b", "c"]);
      assert.deepEqual(new Set(client.received.map(({ from }) => from.port)), new Set([at.port]));
      assert.deepEqual([endpoints[0].received.length, endpoints[1].received.length], [3, 0]);
      assert.deepEqual([engine.count("udpFlows"), engine.count("udpActive")], [1, 1]);
      assert.deepEqual([engine.count("datagramsToEndpoints"), engine.count("datagramsToClients")], [3, 3]);
    }));

  test("each client port is a flow of its own", () =>
    scene(async ({ engine, at, endpoints, client }) => {
      const other = await udpPeer();
      client.send("one", at);
      await client.count(1);
      other.send("two", at);
      await other.count(1);
      assert.deepEqual([texts(endpoints[0]), texts(endpoints[1])], [["one"], ["two"]]);
      assert.deepEqual(
        engine.asked.map(({ client: { port } }) => port),
        [client.addr.port, other.addr.port],
      );
      other.close();
    }));

  test("an idle flow is forgotten, and the next datagram is a new one", () => {
    return scene(
      async ({ engine, at, endpoints, client }) => {
        client.send("first", at);
        await client.count(1);
        engine.advance(40);
        await until(() => engine.changes.length === 1);
        assert.deepEqual(engine.changes, [{ slot: 0, became: "expired" }]);
        assert.equal(engine.count("udpActive"), 0);
        client.send("second", at);
        await client.count(2);
        assert.deepEqual(texts(endpoints[1]), ["second"]);
      },
      { manual: true, policy: { udpIdleMs: 40, udpStreamMs: 40 } },
    );
  });

  test("an answer keeps a flow as a question does", () => {
    return scene(
      async ({ engine, at, endpoints, client }) => {
        client.send("question", at);
        await client.count(1);
        const other = await udpPeer();
        other.send("as old", at);
        await other.count(1);
        engine.advance(30);
        endpoints[0].send("late answer", { ip: parseIp("127.0.0.1"), port: endpoints[0].received[0]!.from.port });
        await client.count(2);
        engine.advance(39);
        await until(() => engine.changes.length > 0);
        assert.deepEqual(engine.changes, [{ slot: 1, became: "expired" }]);
        other.close();
      },
      { manual: true, policy: { udpIdleMs: 40, udpStreamMs: 40 } },
    );
  });

  test("a flow that goes both ways gets the longer time-out with the next datagram", () => {
    return scene(
      async ({ engine, at, client }) => {
        client.send("question", at);
        await client.count(1);
        client.send("again", at);
        await client.count(2);
        const other = await udpPeer();
        other.send("once", at);
        await other.count(1);
        engine.advance(40);
        await until(() => engine.changes.length > 0);
        // Begun later, and gone first: the other flow has an hour.
        assert.deepEqual(engine.changes, [{ slot: 1, became: "expired" }]);
        other.close();
      },
      { manual: true, policy: { udpIdleMs: 40, udpStreamMs: 3_600_000 } },
    );
  });

  test("datagrams of all lengths come as they were sent, in order, both ways", () =>
    scene(async ({ engine, at, client }) => {
      client.send("first", at);
      await client.count(1);
      const lengths = [100, 100, 100, 40, 0, 100, 200, 200, 7, 0, 0, 1200, 1200, 1200, 1199, 1201, 9000, 9000, 1, 1];
      const sent = lengths.map((length, number) => String.fromCharCode(97 + number).repeat(length));
      for (const text of sent) client.send(text, at);
      await client.count(1 + sent.length);
      assert.deepEqual(texts(client), ["first", ...sent]);
      assert.equal(engine.count("datagramsLost"), 0);
    }));

  test("long datagrams pass whole", () =>
    scene(async ({ at, client }) => {
      client.send("x".repeat(9000), at);
      await client.count(1);
      assert.equal(client.received[0]!.text.length, 9000);
    }));

  test("the userspace mode cuts datagrams at 4096 bytes, both ways", () =>
    scene(
      async ({ engine, at, endpoints, client }) => {
        client.send("x".repeat(5000), at);
        await client.count(1);
        assert.equal(endpoints[0].received[0]!.text.length, 4096);
        // From the endpoint's side too.
        const { port } = endpoints[0].received[0]!.from;
        endpoints[0].send("y".repeat(4097), { ip: parseIp("127.0.0.1"), port });
        await client.count(2);
        assert.deepEqual(client.received[1]!.text, "y".repeat(4096));
        assert.equal(engine.count("datagramsCut"), 2);
      },
      { policy: { ...userspacePolicy, udpIdleMs: 3_600_000, udpStreamMs: 3_600_000 } },
    ));

  test("datagrams that come before the route wait for it, in order", () =>
    scene(async ({ engine, at, endpoints, client }) => {
      engine.hold();
      // One more than a flow keeps.
      for (let number = 0; number < 65; number += 1) client.send(String(number), at);
      await until(() => engine.count("datagramsLost") === 1);
      assert.equal(engine.asked.length, 0);
      engine.release();
      await endpoints[0].count(64);
      assert.deepEqual(
        texts(endpoints[0]),
        Array.from({ length: 64 }, (_, number) => String(number)),
      );
    }));

  test("an endpoint that refuses ends the flow: the next datagram goes elsewhere", async () => {
    const alive = await udpPeer("127.0.0.1", udpEcho);
    const engine = bareEngine(() => (engine.asked.length === 1 ? deadAddr() : alive.addr));
    const at = await engine.listen({ proto: UDP });
    const client = await udpPeer();
    client.send("lost", at);
    await until(() => engine.count("refused") === 1);
    client.send("heard", at);
    await client.count(1);
    assert.deepEqual(texts(alive), ["heard"]);
    assert.deepEqual(engine.changes[0], { slot: 0, became: "expired" });
    engine.stop();
    for (const peer of [alive, client]) peer.close();
  });

  test("flows that the program refuses or drops leave nothing behind", async () => {
    const engine = bareEngine(() => ({ kind: engine.asked.length === 1 ? "refuse" : "discard" }));
    const at = await engine.listen({ proto: UDP });
    const client = await udpPeer();
    client.send("x", at);
    await until(() => engine.count("rejected") === 1);
    client.send("y", at);
    await until(() => engine.count("dropped") === 1);
    assert.deepEqual([engine.count("udpFlows"), engine.count("udpActive")], [0, 0]);
    engine.stop();
    client.close();
  });

  test("in a full table the flow used longest ago goes", () =>
    scene(
      async ({ engine, at, client }) => {
        const others = [await udpPeer(), await udpPeer()] as const;
        client.send("oldest", at);
        await client.count(1);
        others[0].send("younger", at);
        await others[0].count(1);
        client.send("used again", at);
        await client.count(2);
        others[1].send("one too many", at);
        await others[1].count(1);
        assert.deepEqual(engine.changes, [{ slot: 1, became: "expired" }]);
        assert.deepEqual([engine.count("udpEvicted"), engine.count("udpActive")], [1, 2]);
        for (const other of others) other.close();
      },
      { maxUdpFlows: 2 },
    ));

  test("a flow that is ended from outside is decided anew", () =>
    scene(async ({ engine, at, endpoints, client }) => {
      client.send("first", at);
      await client.count(1);
      engine.expire([0]);
      client.send("second", at);
      await client.count(2);
      assert.deepEqual([texts(endpoints[0]), texts(endpoints[1])], [["first"], ["second"]]);
    }));

  test("a listener takes its flows along", () =>
    scene(async ({ engine, at, client }) => {
      client.send("x", at);
      await client.count(1);
      engine.close([0]);
      await until(() => engine.changes.length === 1);
      assert.equal(engine.count("udpActive"), 0);
    }));

  test("IPv6 clients reach an IPv4 endpoint", () =>
    scene(async ({ engine }) => {
      const at = await engine.listen({ proto: UDP, at: { ip: parseIp("::1"), port: 0 } });
      const client = await udpPeer("::1");
      client.send("six", at);
      await client.count(1);
      assert.equal(client.received[0]!.text, "six");
      client.close();
    }));
}
