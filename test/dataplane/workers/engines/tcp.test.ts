import assert from "node:assert/strict";
import type { Socket } from "node:net";
import type { SocketAddr } from "../../../../src/net/flow.ts";
import { formatIp, type Ip, parseIp } from "../../../../src/net/ip.ts";
import { type Suite, suite } from "../../../support/suite.ts";
import { type BareEngine, enginesHere, type MakeEngine } from "../bare-engine.ts";
import { deadAddr, echo, endOf, tcpClient, tcpEndpoint, type TcpEndpoint, until } from "../peers.ts";

type HeaderOf = (from: SocketAddr, to: SocketAddr) => string;

/** Source: HAProxy, "The PROXY protocol", sections 2.1 and 2.2. */
const proxyHeaders: readonly (readonly [version: 1 | 2, at: Ip, header: HeaderOf])[] = [
  [1, parseIp("127.0.0.1"), (from, to) => `PROXY TCP4 127.0.0.1 127.0.0.1 ${from.port} ${to.port}\r\n`],
  [1, parseIp("::1"), (from, to) => `PROXY TCP6 ::1 ::1 ${from.port} ${to.port}\r\n`],
  [2, parseIp("127.0.0.1"), (from, to) => version2("110c7f0000017f000001", from, to)],
  [2, parseIp("::1"), (from, to) => version2(`2124${`${"0".repeat(31)}1`.repeat(2)}`, from, to)],
];

for (const { name, make } of enginesHere()) {
  const test = suite(`${name} engine: TCP`, { timeoutMs: 60_000 });
  if (typeof make === "string") test.skip("the contract of engines", make);
  else tcpContract(test, make);
}

function version2(middle: string, from: SocketAddr, to: SocketAddr): string {
  const ports = [from, to].map(({ port }) => port.toString(16).padStart(4, "0")).join("");
  const familyAndLength = `${middle.slice(0, 2)}00${middle.slice(2)}`;
  return Buffer.from(`0d0a0d0a000d0a515549540a21${familyAndLength}${ports}`, "hex").toString("latin1");
}

function tcpContract(test: Suite, bareEngine: MakeEngine): void {
  /** Runs a test with an engine that forwards everything to one endpoint. */
  async function forwarding(
    serve: (socket: Socket) => void,
    run: (engine: BareEngine, endpoint: TcpEndpoint) => Promise<void>,
  ): Promise<void> {
    const endpoint = await tcpEndpoint(serve);
    const engine = bareEngine(() => endpoint.addr);
    try {
      await run(engine, endpoint);
    } finally {
      engine.stop();
      await endpoint.close();
    }
  }

  const became = (engine: BareEngine): string[] => engine.changes.map((change) => change.became);
  const quiet = (engine: BareEngine): Promise<void> => until(() => engine.count("active") === 0);

  test("bytes arrive as they were sent, both ways, and are counted", () =>
    forwarding(echo, async (engine) => {
      const client = await tcpClient(await engine.listen());
      const sent = Buffer.alloc(300_000, "0123456789");
      client.socket.end(sent);
      assert.ok((await client.received).equals(sent));
      await quiet(engine);
      assert.deepEqual([engine.count("bytesToEndpoints"), engine.count("bytesToClients")], [300_000, 300_000]);
    }));

  test("a connection tells its first end and its last", () =>
    forwarding(echo, async (engine) => {
      const client = await tcpClient(await engine.listen());
      client.socket.write("x");
      await until(() => engine.count("bytesToClients") === 1);
      assert.deepEqual(became(engine), []);
      client.socket.end();
      await until(() => engine.changes.length === 2);
      assert.deepEqual(engine.changes, [
        { slot: 0, became: "closing" },
        { slot: 0, became: "closed" },
      ]);
    }));

  test("the flow that is asked about is the client's own", () =>
    forwarding(echo, async (engine) => {
      const client = await tcpClient(await engine.listen(), "127.0.0.9");
      const port = client.socket.localPort;
      client.socket.end("x");
      await client.ended;
      assert.deepEqual(engine.asked, [
        { slot: 0, listener: 0, client: { ip: parseIp("127.0.0.9"), port }, attempt: 0 },
      ]);
    }));

  test("connections of IPv6 clients reach an IPv4 endpoint", () =>
    forwarding(echo, async (engine) => {
      const client = await tcpClient(await engine.listen({ at: { ip: parseIp("::1"), port: 0 } }));
      client.socket.end("six");
      assert.equal(String(await client.received), "six");
      assert.deepEqual(engine.asked[0]!.client.ip, parseIp("::1"));
    }));

  for (const [version, at, header] of proxyHeaders) {
    test(`an endpoint is told its client by the PROXY protocol, version ${version}, from ${formatIp(at)}`, async () => {
      const endpoint = await tcpEndpoint(echo);
      const engine = bareEngine(() => endpoint.addr, { policy: { proxyProtocol: version } });
      try {
        const to = await engine.listen({ at: { ip: at, port: 0 } });
        const client = await tcpClient(to);
        const from = { ip: at, port: client.socket.localPort! };
        client.socket.end("hello");
        const told = (await client.received).toString("latin1");
        assert.equal(told, `${header(from, to)}hello`);
        await quiet(engine);
        // The header is none of the client's bytes.
        assert.equal(engine.count("bytesToEndpoints"), 5);
      } finally {
        engine.stop();
        await endpoint.close();
      }
    });
  }

  test("a connection without a byte for too long is reset on both sides; one that speaks is not", async () => {
    const endpoint = await tcpEndpoint(echo);
    const engine = bareEngine(() => endpoint.addr, { policy: { tcpIdleMs: 300 } });
    try {
      const at = await engine.listen();
      const [silent, speaking] = [await tcpClient(at), await tcpClient(at)];
      speaking.socket.resume();
      let spoken = 0;
      const timer = setInterval(() => {
        spoken += 1;
        speaking.socket.write("x");
      }, 50);
      assert.equal(await silent.ended, "ECONNRESET");
      // It has outlived the silent one by several time-outs.
      await until(() => spoken >= 20);
      clearInterval(timer);
      assert.equal(speaking.socket.destroyed, false);
      assert.equal(became(engine)[0], "reset");
      assert.equal(await speaking.ended, "ECONNRESET");
      await quiet(engine);
    } finally {
      engine.stop();
      await endpoint.close();
    }
  });

  test("a client that ends first still gets the whole answer", () =>
    forwarding(
      (socket) => {
        socket.resume();
        socket.on("end", () => socket.end("the answer after the end"));
      },
      async (engine) => {
        const client = await tcpClient(await engine.listen());
        client.socket.end("question");
        assert.equal(String(await client.received), "the answer after the end");
        assert.equal(await client.ended, "end");
      },
    ));

  test("an endpoint that ends first still gets all that the client sends", () => {
    let arrived = "";
    return forwarding(
      (socket) => {
        socket.end("greeting");
        socket.on("data", (chunk: Buffer) => (arrived += String(chunk)));
      },
      async (engine) => {
        const client = await tcpClient(await engine.listen());
        assert.equal(await client.ended, "end");
        client.socket.end("said after the greeting");
        // It ends by what the client said, or the test does by its deadline.
        await until(() => arrived === "said after the greeting");
      },
    );
  });

  test("what a client sends and ends before its endpoint has accepted is not lost", () =>
    forwarding(echo, async (engine) => {
      const at = await engine.listen();
      engine.hold();
      const client = await tcpClient(at);
      client.socket.end("early");
      await until(() => engine.count("accepted") === 1);
      engine.release();
      assert.equal(String(await client.received), "early");
    }));

  test("a reset of the client resets the endpoint", () =>
    forwarding(echo, async (engine, endpoint) => {
      const client = await tcpClient(await engine.listen());
      client.socket.write("x");
      await until(() => engine.count("bytesToClients") === 1);
      const failed = new Promise<string>((resolve) =>
        endpoint.sockets[0]!.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code!)),
      );
      client.socket.resetAndDestroy();
      assert.equal(await failed, "ECONNRESET");
      await until(() => engine.changes.length === 2);
      assert.deepEqual([became(engine), engine.count("resets")], [["closing", "reset"], 1]);
    }));

  test("a reset of the endpoint resets the client", () =>
    forwarding(
      (socket) => socket.once("data", () => socket.resetAndDestroy()),
      async (engine) => {
        const client = await tcpClient(await engine.listen());
        client.socket.write("x");
        assert.equal(await client.ended, "ECONNRESET");
        await until(() => engine.changes.length === 2);
        assert.deepEqual(became(engine), ["closing", "reset"]);
      },
    ));

  test("a client that does not read stops its endpoint, and loses nothing", () =>
    forwarding(
      (socket) => socket.end(Buffer.alloc(48_000_000, 7)),
      async (engine) => {
        const client = await tcpClient(await engine.listen());
        client.socket.pause();
        let before = -1;
        // Until nothing moves any more.
        while (engine.count("bytesToClients") !== before) {
          before = engine.count("bytesToClients");
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        // What the kernel buffers on the way to the client: at most 6 MB to read and 4 MB to send, as tcp_rmem and tcp_wmem.
        assert.ok(before < 12_000_000, `${before} bytes were taken from the endpoint`);
        client.socket.resume();
        assert.equal((await client.received).length, 48_000_000);
      },
    ));

  test("an endpoint that refuses resets the client", async () => {
    const addr = deadAddr();
    const engine = bareEngine(() => addr);
    assert.equal(await endOf(await engine.listen()), "ECONNRESET");
    await until(() => engine.changes.length === 1);
    assert.deepEqual([engine.asked.length, engine.count("refused"), became(engine)], [1, 1, ["reset"]]);
    engine.stop();
  });

  test("a flow that is refused is reset, one that is discarded is closed", async () => {
    const engine = bareEngine(({ listener }) => ({ kind: listener === 0 ? "refuse" : "discard" }));
    const refused = await endOf(await engine.listen());
    const discarded = await endOf(await engine.listen());
    assert.deepEqual([refused, discarded], ["ECONNRESET", "end"]);
    assert.deepEqual([engine.count("rejected"), engine.count("dropped")], [1, 1]);
    engine.stop();
  });

  test("flows that come while the engine is held wait for its release", () =>
    forwarding(echo, async (engine) => {
      const at = await engine.listen();
      engine.hold();
      const clients = await Promise.all(Array.from({ length: 5 }, () => tcpClient(at)));
      await until(() => engine.count("accepted") === 5);
      assert.equal(engine.asked.length, 0);
      engine.release();
      for (const { socket } of clients) socket.end("x");
      for (const { received } of clients) assert.equal(String(await received), "x");
    }));

  test("connections outlive their listener", () =>
    forwarding(echo, async (engine) => {
      const at = await engine.listen();
      const client = await tcpClient(at);
      client.socket.write("before ");
      await until(() => engine.count("bytesToClients") > 0);
      engine.close([0]);
      await assert.rejects(tcpClient(at), { code: "ECONNREFUSED" });
      client.socket.end("after");
      assert.equal(String(await client.received), "before after");
    }));

  test("a drain resets what is open at its deadline, and says how many", () =>
    forwarding(echo, async (engine) => {
      const at = await engine.listen();
      const clients = [await tcpClient(at), await tcpClient(at)];
      for (const { socket } of clients) socket.write("x");
      await until(() => engine.count("bytesToClients") === 2);
      assert.equal(await engine.drain(1), 2);
      for (const { ended } of clients) assert.equal(await ended, "ECONNRESET");
      await quiet(engine);
    }));

  test("a drain does not wait for its deadline when the last connection has ended", () =>
    forwarding(echo, async (engine) => {
      const client = await tcpClient(await engine.listen());
      client.socket.write("x");
      await until(() => engine.count("active") === 1);
      // The suite's own deadline would come first.
      const drained = engine.drain(3_600_000);
      client.socket.end();
      assert.equal(await drained, 0);
    }));

  test("an address that is taken is told, and other listeners open all the same", () =>
    forwarding(echo, async (engine, endpoint) => {
      const free = { ip: parseIp("127.0.0.1"), port: 0 };
      const spec = { proto: 6, reusePort: false, first: true, group: "default/web" } as const;
      const [taken, open] = await engine.open([
        { ...spec, id: 7, at: endpoint.addr },
        { ...spec, id: 8, at: free },
      ]);
      assert.match("failure" in taken! ? taken.failure : "", /EADDRINUSE/);
      assert.ok("bound" in open! && open.bound.port > 0);
    }));
}
