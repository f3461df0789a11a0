import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { honoursReusePort } from "../../../src/dataplane/workers/reuse-port.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { formatIp, parseIp } from "../../../src/net/ip.ts";
import { askOnce, echo, echoNamed, freeAddr, tcpClient, tcpEndpoint, udpEcho, udpPeer, until } from "./peers.ts";
import { forEachEngine } from "./running.ts";
import { compiled, type TestService } from "./services.ts";

/** Services `s0`, `s1`, … that all have one endpoint. */
const manyServices = (count: number, endpoint: SocketAddr, firstNodePort?: number): TestService[] =>
  Array.from({ length: count }, (_, at) => ({
    name: `s${at}`,
    clusterIp: `10.96.1.${at + 1}`,
    endpoints: [endpoint],
    ...(firstNodePort === undefined ? {} : { nodePort: firstNodePort + at }),
  }));

forEachEngine(
  "workers: who listens where",
  (test, running, engine) => {
    const owners = (status: { listeners: readonly { workers: readonly number[] }[] }): string =>
      status.listeners.map(({ workers }) => workers.join("+")).join(" ");

    const local = { ip: parseIp("127.0.0.1"), port: 0 };

    test("every worker listens at every port where sockets can be shared; elsewhere ports are dealt out evenly", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", manyServices(4, endpoint.addr)));
        const { placement } = dataplane.status();
        const shared = engine === "native" ? "shared sockets" : honoursReusePort() ? "reusePort" : undefined;
        assert.equal(placement, shared ?? "ports dealt to workers");
        assert.equal(owners(dataplane.status()), shared === undefined ? "0 1 0 1" : "0+1 0+1 0+1 0+1");
      });
      await endpoint.close();
    });

    test("the userspace mode deals its service ports out everywhere, all addresses of one to one worker", () =>
      running({}, async (dataplane) => {
        await dataplane.apply(...compiled("userspace", manyServices(3, local, 30_000)));
        assert.equal(dataplane.status().placement, "ports dealt to workers");
        assert.equal(owners(dataplane.status()), "0 0 1 1 0 0");
      }));

    test("the ports of a worker that dies go to the others at once, and stay the same ports", async () => {
      const endpoint = await tcpEndpoint(echoNamed("alive"));
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("userspace", manyServices(4, endpoint.addr)));
        assert.equal(owners(dataplane.status()), "0 1 0 1");
        const before = dataplane.status().listeners.map(({ at }) => at!);
        await dataplane.terminate(0);
        await until(() => owners(dataplane.status()) === "1 1 1 1");
        assert.deepEqual(
          dataplane.status().listeners.map(({ at }) => at),
          before,
        );
        for (const at of before) {
          const { socket } = await tcpClient(at);
          assert.equal(String(await once(socket, "data")), "alive\n");
          socket.destroy();
        }
        // The next worker takes what comes from now on.
        await dataplane.whole();
        assert.equal(dataplane.status().workers[0]!.restarts, 1);
        await dataplane.apply(...compiled("userspace", manyServices(6, endpoint.addr)));
        assert.equal(owners(dataplane.status()), "1 1 1 1 0 0");
      });
      await endpoint.close();
    });

    test("a lone worker that dies is replaced, and its ports are served again", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({ workers: 1 }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }]));
        const at = dataplane.at();
        await dataplane.terminate(0);
        assert.equal(dataplane.status().listeners[0]!.reason, "no worker has it");
        await dataplane.whole();
        assert.deepEqual(dataplane.at(), at);
        assert.equal(await askOnce(at, "back"), "back");
      });
      await endpoint.close();
    });

    test("an apply while a worker is dead waits until the table is in force", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({ workers: 1 }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", []));
        await dataplane.terminate(0);
        await dataplane.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }]));
        assert.equal(await askOnce(dataplane.at(), "there"), "there");
      });
      await endpoint.close();
    });

    test("a frontend listens at the address that the options give its service port, also when its cluster IP changes", async () => {
      const free = await freeAddr();
      const endpoint = await tcpEndpoint(echo);
      await running({ listen: { "default/web": free } }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr], nodePort: 30080 }]));
        assert.deepEqual(dataplane.at(), free);
        assert.notDeepEqual(dataplane.at("default/web", "node-port"), free);
        const open = await tcpClient(free);
        await dataplane.apply(...compiled("ipvs", [{ clusterIp: "10.96.0.99", endpoints: [endpoint.addr] }]));
        assert.equal(await askOnce(free, "still here"), "still here");
        open.socket.end("and still open");
        assert.equal(String(await open.received), "and still open");
      });
      await endpoint.close();
    });

    test("an apply that cannot listen fails, leaves the table before in force and opens nothing", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({ listen: { "default/new": endpoint.addr } }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }]));
        const before = dataplane.status();
        const services = [
          { name: "early", clusterIp: "10.96.0.50", endpoints: [endpoint.addr] },
          { name: "new", clusterIp: "10.96.0.51", endpoints: [endpoint.addr] },
        ];
        await assert.rejects(dataplane.apply(...compiled("ipvs", services)), {
          code: "DATAPLANE_FAILED",
          message: /default\/new: .*EADDRINUSE/,
        });
        assert.deepEqual(dataplane.status().listeners, before.listeners);
        assert.equal(await askOnce(dataplane.at(), "old"), "old");
        await dataplane.apply(...compiled("ipvs", services.slice(0, 1)));
        assert.equal(await askOnce(dataplane.at("default/early"), "new"), "new");
      });
      await endpoint.close();
    });

    test("two of us do not share a port, though reusePort would let them", async () => {
      const free = await freeAddr();
      const endpoint = await tcpEndpoint(echo);
      const listen = { "default/web": free };
      await running({ listen }, async (first) => {
        await first.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }]));
        await running({ listen }, async (second) => {
          await assert.rejects(second.apply(...compiled("ipvs", [{ endpoints: [endpoint.addr] }])), /EADDRINUSE/);
        });
        assert.equal(await askOnce(free, "mine"), "mine");
      });
      await endpoint.close();
    });

    test("frontends that do not listen say why", () =>
      running({}, async (dataplane) => {
        await dataplane.apply(
          ...compiled("iptables", [
            { name: "empty", endpoints: [] },
            { name: "sctp", clusterIp: "10.96.0.11", protocol: "SCTP", endpoints: [local] },
          ]),
        );
        assert.deepEqual(
          dataplane.status().listeners.map(({ frontend, at, reason }) => [frontend.servicePort, at, reason]),
          [
            ["default/empty", undefined, "the program rejects its connections"],
            ["default/sctp", undefined, "SCTP is not carried"],
          ],
        );
      }));

    for (const mode of ["iptables", "ipvs"] as const) {
      test(`${mode}: a port is bound while its service has endpoints, and only then`, async () => {
        const endpoint = await tcpEndpoint(echo);
        await running({}, async (dataplane) => {
          await dataplane.apply(...compiled(mode, [{ endpoints: [] }]));
          assert.equal(dataplane.status().listeners[0]!.at, undefined);
          await dataplane.apply(...compiled(mode, [{ endpoints: [endpoint.addr] }]));
          const at = dataplane.at();
          assert.equal(await askOnce(at, "x"), "x");
          await dataplane.apply(...compiled(mode, [{ endpoints: [] }]));
          await assert.rejects(tcpClient(at), { code: "ECONNREFUSED" });
        });
        await endpoint.close();
      });
    }

    test("node ports listen, and are decided as what they are", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({}, async (dataplane) => {
        for (const mode of ["userspace", "iptables", "ipvs"] as const) {
          await dataplane.apply(...compiled(mode, [{ endpoints: [endpoint.addr], nodePort: 30080 }]));
          const { socket } = await tcpClient(dataplane.at("default/web", "node-port"));
          socket.write(mode);
          assert.equal(String(await once(socket, "data")), mode);
          socket.destroy();
        }
      });
      await endpoint.close();
    });
  },
  { sampled: 4 },
);

forEachEngine(
  "workers: sockets that die with their worker",
  (test, running) => {
    test("a port that somebody took while its worker was dead is not served, and does not stand in the way of others", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({ workers: 1, listen: { "default/s0": await freeAddr() } }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", manyServices(1, endpoint.addr)));
        const at = dataplane.at("default/s0");
        await dataplane.terminate(0);
        const thief = createServer().listen({ host: formatIp(at.ip), port: at.port });
        await once(thief, "listening");
        await dataplane.apply(...compiled("ipvs", manyServices(2, endpoint.addr)));
        const [lost, served] = dataplane.status().listeners;
        assert.match(lost!.reason!, /EADDRINUSE/);
        assert.equal(await askOnce(served!.at!, "served"), "served");
        thief.close();
        await once(thief, "close");
        await dataplane.apply(...compiled("ipvs", manyServices(2, endpoint.addr)));
        assert.equal(await askOnce(at, "back"), "back");
      });
      await endpoint.close();
    });
  },
  { engines: ["node"] },
);

forEachEngine(
  "workers: sockets that outlive their worker",
  (test, running) => {
    test("connections that come while the only worker is dead wait for the next one", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({ workers: 1 }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", manyServices(1, endpoint.addr)));
        const at = dataplane.at("default/s0");
        await dataplane.terminate(0);
        assert.equal(dataplane.status().listeners[0]!.reason, "no worker has it");
        const clients = await Promise.all(Array.from({ length: 20 }, () => tcpClient(at)));
        for (const { socket } of clients) socket.end("waited");
        for (const { received } of clients) assert.equal(String(await received), "waited");
      });
      await endpoint.close();
    });

    test("datagrams that come while the only worker is dead wait for the next one", async () => {
      const endpoint = await udpPeer("127.0.0.1", udpEcho);
      const client = await udpPeer();
      for (const mode of ["ipvs", "userspace"] as const) {
        await running({ workers: 1 }, async (dataplane) => {
          await dataplane.apply(...compiled(mode, [{ protocol: "UDP", port: 53, endpoints: [endpoint.addr] }]));
          const at = dataplane.at();
          const before = client.received.length;
          await dataplane.terminate(0);
          client.send("waited", at);
          await client.count(before + 1);
        });
      }
      endpoint.close();
      client.close();
    });
  },
  { engines: ["native"] },
);
