import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { modes } from "../../../src/modes/program.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { deadAddr, echo, echoNamed, endOf, tcpClient, tcpEndpoint, udpEcho, udpPeer, until } from "./peers.ts";
import { forEachEngine } from "./running.ts";
import { compiled } from "./services.ts";

forEachEngine(
  "workers: forwarding",
  (test, running) => {
    const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

    /** Sends bytes through an echo, and ends only when all are back: some forms lose what comes after an end. */
    async function echoed(to: SocketAddr, bytes: Buffer): Promise<string> {
      const { socket } = await tcpClient(to);
      const hash = createHash("sha256");
      let missing = bytes.length;
      const back = new Promise<void>((resolve, reject) => {
        socket.once("close", () => reject(new Error(`closed with ${missing} bytes missing`)));
        socket.on("data", (chunk: Buffer) => {
          hash.update(chunk);
          missing -= chunk.length;
          if (missing === 0) resolve();
        });
      });
      socket.write(bytes);
      await back;
      socket.destroy();
      return hash.digest("hex");
    }

    for (const mode of modes) {
      test(`${mode}: bytes come back as they were sent`, async () => {
        const endpoint = await tcpEndpoint(echo);
        await running({}, async (dataplane) => {
          await dataplane.apply(...compiled(mode, [{ endpoints: [endpoint.addr] }]));
          const bytes = randomBytes(1_000_000);
          assert.equal(await echoed(dataplane.at(), bytes), sha256(bytes));
        });
        await endpoint.close();
      });

      test(`${mode}: datagrams come back as they were sent`, async () => {
        const endpoint = await udpPeer("127.0.0.1", udpEcho);
        const client = await udpPeer();
        await running({ udpIdleMs: 3_600_000 }, async (dataplane) => {
          await dataplane.apply(...compiled(mode, [{ protocol: "UDP", port: 53, endpoints: [endpoint.addr] }]));
          client.send("question", dataplane.at());
          await client.count(1);
          assert.equal(client.received[0]!.text, "question");
          assert.equal(client.received[0]!.from.port, dataplane.at().port);
        });
        endpoint.close();
        client.close();
      });
    }

    for (const mode of ["iptables", "ipvs"] as const) {
      test(`${mode}: an endpoint that refuses is not replaced: the client sees a reset`, async () => {
        const dead = deadAddr();
        await running({}, async (dataplane) => {
          await dataplane.apply(...compiled(mode, [{ endpoints: [dead] }]));
          assert.equal(await endOf(dataplane.at()), "ECONNRESET");
          await until(() => dataplane.status().counters.active === 0);
          assert.equal(dataplane.status().counters.refused, 1);
        });
      });
    }

    test("userspace: an endpoint that refuses is passed over, and affinity is overwritten", async () => {
      const dead = deadAddr("127.0.1.1");
      const alive = await tcpEndpoint(echoNamed("alive"), "127.0.1.2");
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("userspace", [{ endpoints: [dead, alive.addr], affinitySeconds: 3600 }]));
        // Whichever endpoint was first: from the second connection on the client is remembered at the one that is alive.
        for (const refusals of [[0, 1], [0], [0]]) {
          const before = dataplane.status().counters.refused;
          const { socket } = await tcpClient(dataplane.at());
          assert.equal(String(await once(socket, "data")), "alive\n");
          socket.destroy();
          assert.ok(refusals.includes(dataplane.status().counters.refused - before));
        }
      });
      await alive.close();
    });

    test("userspace: a connection to a service without endpoints is accepted and closed", () =>
      running({}, async (dataplane) => {
        await dataplane.apply(...compiled("userspace", [{ endpoints: [] }]));
        const { ended, received } = await tcpClient(dataplane.at());
        assert.equal(await ended, "end");
        assert.equal((await received).length, 0);
        assert.deepEqual(dataplane.status().notEmulated, []);
      }));

    test("userspace: the end of one direction ends both; carried the modern way it does not", async () => {
      const endpoint = await tcpEndpoint((socket) => {
        socket.resume();
        socket.on("end", () => socket.end("late"));
      });
      for (const modern of [false, true]) {
        await running({ modern }, async (dataplane) => {
          await dataplane.apply(...compiled("userspace", [{ endpoints: [endpoint.addr] }]));
          const { socket, received } = await tcpClient(dataplane.at());
          socket.end("question");
          assert.equal(String(await received), modern ? "late" : "");
        });
      }
      await endpoint.close();
    });

    test("a drop is a connection that is accepted and closed, counted, and named in the status", () =>
      running({}, async (dataplane) => {
        const endpoint = { ip: parseIp("10.244.1.1"), port: 8080 };
        const loadBalancer = { ip: "203.0.113.9", sourceRanges: ["192.0.2.0/24"] };
        await dataplane.apply(...compiled("iptables", [{ endpoints: [endpoint], nodePort: 30080, loadBalancer }]));
        const { ended } = await tcpClient(dataplane.at("default/web", "load-balancer"));
        assert.equal(await ended, "end");
        const { counters, notEmulated } = dataplane.status();
        assert.equal(counters.dropped, 1);
        assert.deepEqual(
          notEmulated.map(({ frontend, what }) => [frontend.kind, what]),
          [["load-balancer", "drop"]],
        );
      }));

    test("UDP flows of an endpoint that is taken away are decided anew; the userspace mode keeps them", async () => {
      const [first, second] = [await udpPeer("127.0.1.1", udpEcho), await udpPeer("127.0.1.2", udpEcho)];
      for (const mode of modes) {
        const client = await udpPeer();
        const before = { first: first.received.length, second: second.received.length };
        await running({ udpIdleMs: 3_600_000 }, async (dataplane) => {
          const service = { protocol: "UDP", port: 53 } as const;
          await dataplane.apply(...compiled(mode, [{ ...service, endpoints: [first.addr] }]));
          client.send("1", dataplane.at());
          await client.count(1);
          await dataplane.apply(...compiled(mode, [{ ...service, endpoints: [second.addr] }]));
          client.send("2", dataplane.at());
          await client.count(2);
        });
        const counts = [first.received.length - before.first, second.received.length - before.second];
        assert.deepEqual(counts, mode === "userspace" ? [2, 0] : [1, 1], mode);
        client.close();
      }
      for (const peer of [first, second]) peer.close();
    });

    test("a UDP flow ends after the idle time of the options", async () => {
      const endpoint = await udpPeer();
      const client = await udpPeer();
      await running({ udpIdleMs: 50 }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ protocol: "UDP", port: 53, endpoints: [endpoint.addr] }]));
        client.send("x", dataplane.at());
        await endpoint.count(1);
        await until(() => dataplane.status().counters.udpActive === 0);
        assert.equal(dataplane.status().counters.udpFlows, 1);
      });
      for (const peer of [endpoint, client]) peer.close();
    });

    test("endpoints are mapped to other addresses, the exact one first, and keep their port where none is given", async () => {
      const [exact, whole] = [
        await tcpEndpoint(echoNamed("exact"), "127.0.2.1"),
        await tcpEndpoint(echoNamed("whole")),
      ];
      const pod = parseIp("10.244.1.1");
      const mapEndpoint = [
        { from: "10.244.1.1", to: "127.0.0.1" },
        { from: "10.244.1.1:8080", to: `127.0.2.1:${exact.addr.port}` },
      ];
      await running({ mapEndpoint }, async (dataplane) => {
        await dataplane.apply(
          ...compiled("ipvs", [
            { name: "a", endpoints: [{ ip: pod, port: 8080 }] },
            { name: "b", clusterIp: "10.96.0.11", endpoints: [{ ip: pod, port: whole.addr.port }] },
          ]),
        );
        for (const [service, name] of [
          ["default/a", "exact\n"],
          ["default/b", "whole\n"],
        ] as const) {
          const { socket, received } = await tcpClient(dataplane.at(service));
          socket.end();
          assert.equal(String(await received), name);
        }
      });
      for (const endpoint of [exact, whole]) await endpoint.close();
    });

    test("IPv6 frontends listen on ::1 and reach IPv6 endpoints", async () => {
      const endpoint = await tcpEndpoint(echo, "::1");
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ clusterIp: "fd00:10:96::10", endpoints: [endpoint.addr] }]));
        assert.deepEqual(dataplane.at().ip, parseIp("::1"));
        const { socket, received } = await tcpClient(dataplane.at());
        socket.end("six");
        assert.equal(String(await received), "six");
      });
      await endpoint.close();
    });

    test("a drain lets connections end, and ends with the last one", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }]));
        const at = dataplane.at();
        const clients = await Promise.all(Array.from({ length: 6 }, () => tcpClient(at)));
        for (const { socket } of clients) socket.write("x");
        await until(() => dataplane.status().counters.bytesToClients === 6);
        // The suite's own deadline would come first.
        const drained = dataplane.drain(3_600_000);
        for (const { socket } of clients) socket.end("y");
        for (const { received } of clients) assert.equal(String(await received), "xy");
        assert.equal(await drained, 0);
        await assert.rejects(tcpClient(at), { code: "ECONNREFUSED" });
        assert.equal(dataplane.status().listeners[0]!.at, undefined);
        await assert.rejects(dataplane.apply(...compiled("ipvs", [])), /it was drained/);
      });
      await endpoint.close();
    });

    test("a drain resets what is open at its deadline, and says how many", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }]));
        const clients = await Promise.all(Array.from({ length: 6 }, () => tcpClient(dataplane.at())));
        // A client that has something to read when the reset comes sees an end: libuv takes a hang-up after data for one.
        const answered = clients.map(({ socket }) => once(socket, "data"));
        for (const { socket } of clients) socket.write("x");
        await Promise.all(answered);
        await until(() => dataplane.status().counters.bytesToClients === 6);
        assert.equal(await dataplane.drain(1), 6);
        for (const { ended } of clients) assert.equal(await ended, "ECONNRESET");
      });
      await endpoint.close();
    });
  },
  { sampled: 4 },
);
