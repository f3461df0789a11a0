import assert from "node:assert/strict";
import { once } from "node:events";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { type Client, echo, echoNamed, tcpClient, tcpEndpoint, type TcpEndpoint, until } from "./peers.ts";
import { forEachEngine, type Running } from "./running.ts";
import { compiled } from "./services.ts";

forEachEngine(
  "workers: what survives a worker",
  (test, running) => {
    /** Endpoints that say their number. */
    const numbered = (count: number): Promise<TcpEndpoint[]> =>
      Promise.all(Array.from({ length: count }, (_, at) => tcpEndpoint(echoNamed(String(at)), `127.0.1.${at + 1}`)));

    /** Opens a connection, which stays open. @returns the number of its endpoint. */
    async function open(
      to: SocketAddr,
      from?: string,
    ): Promise<{ readonly endpoint: string; readonly client: Client }> {
      const client = await tcpClient(to, from);
      const [name] = (await once(client.socket, "data")) as [Buffer];
      return { endpoint: String(name).trim(), client };
    }

    /** Opens connections one after the other. @returns how many went to each endpoint. */
    async function openMany(count: number, to: SocketAddr): Promise<Record<string, number>> {
      const counts: Record<string, number> = {};
      for (let opened = 0; opened < count; opened += 1) {
        const { endpoint } = await open(to);
        counts[endpoint] = (counts[endpoint] ?? 0) + 1;
      }
      return counts;
    }

    /** Has another worker serve new connections: kills the ones that do now. */
    async function changeWorker(dataplane: Running, servicePort = "default/web"): Promise<void> {
      await dataplane.terminate(dataplane.ownersOf(servicePort)[0]!);
      await dataplane.whole();
    }

    const closeAll = (endpoints: readonly TcpEndpoint[]) => Promise.all(endpoints.map((endpoint) => endpoint.close()));

    test("rr goes on where it stood when its worker dies: 3 × 8 connections give each of 3 endpoints exactly 8", async () => {
      const endpoints = await numbered(3);
      await running({}, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", [{ endpoints: endpoints.map(({ addr }) => addr) }]));
        const before = await openMany(10, dataplane.at());
        await changeWorker(dataplane);
        const after = await openMany(14, dataplane.at());
        const sums = ["0", "1", "2"].map((name) => before[name]! + after[name]!);
        assert.deepEqual(sums, [8, 8, 8]);
      });
      await closeAll(endpoints);
    });

    for (const scheduler of ["lc", "sed"]) {
      test(`${scheduler} no longer counts the connections of a worker that died`, async () => {
        const endpoints = await numbered(2);
        await running({ workers: 1 }, async (dataplane) => {
          const program = compiled("ipvs", [{ endpoints: endpoints.map(({ addr }) => addr) }], { ipvs: { scheduler } });
          await dataplane.apply(...program);
          // The newest endpoint wins ties: it has two of three connections, and the next would go to the other one.
          assert.deepEqual(await openMany(3, dataplane.at()), { 0: 1, 1: 2 });
          await changeWorker(dataplane);
          assert.deepEqual(await openMany(1, dataplane.at()), { 1: 1 });
          // And what is open now counts, as ever.
          assert.deepEqual(await openMany(1, dataplane.at()), { 0: 1 });
        });
        await closeAll(endpoints);
      });

      test(`${scheduler} counts what ended no longer as active`, async () => {
        const endpoints = await numbered(2);
        await running({}, async (dataplane) => {
          const program = compiled("ipvs", [{ endpoints: endpoints.map(({ addr }) => addr) }], { ipvs: { scheduler } });
          await dataplane.apply(...program);
          const first = await open(dataplane.at());
          assert.deepEqual([first.endpoint, await openMany(1, dataplane.at())], ["1", { 0: 1 }]);
          first.client.socket.end();
          await once(first.client.socket, "close");
          await until(() => dataplane.status().counters.active === 1);
          // One inactive against one active: the first endpoint is the less loaded one.
          assert.deepEqual(await openMany(1, dataplane.at()), { 1: 1 });
        });
        await closeAll(endpoints);
      });
    }

    for (const mode of ["userspace", "iptables", "ipvs"] as const) {
      test(`${mode}: clients stay with their endpoint when another worker serves them`, async () => {
        const endpoints = await numbered(4);
        await running({}, async (dataplane) => {
          const addrs = endpoints.map(({ addr }) => addr);
          await dataplane.apply(...compiled(mode, [{ endpoints: addrs, affinitySeconds: 3600 }]));
          const clients = Array.from({ length: 8 }, (_, at) => `127.0.3.${at + 1}`);
          const chosen = async (): Promise<string[]> => {
            const names: string[] = [];
            for (const from of clients) names.push((await open(dataplane.at(), from)).endpoint);
            return names;
          };
          const before = await chosen();
          assert.ok(new Set(before).size > 1, `seed 1: ${before.join(" ")}`);
          assert.deepEqual(await chosen(), before);
          await changeWorker(dataplane);
          assert.deepEqual(await chosen(), before);
        });
        await closeAll(endpoints);
      });
    }

    test("iptables: a list that vanishes is forgotten", async () => {
      const endpoints = await numbered(4);
      await running({}, async (dataplane) => {
        const addrs = endpoints.map(({ addr }) => addr);
        const withAffinity = compiled("iptables", [{ endpoints: addrs, affinitySeconds: 3600 }]);
        const chosen = new Set<string>();
        // 40 draws from 4 endpoints all alike: probability 4 × (1/4)⁴⁰.
        for (let round = 0; round < 40; round += 1) {
          await dataplane.apply(...withAffinity);
          chosen.add((await open(dataplane.at())).endpoint);
          await dataplane.apply(...compiled("iptables", [{ endpoints: addrs }]));
        }
        assert.ok(chosen.size > 1);
      });
      await closeAll(endpoints);
    });

    test("a worker that throws takes its own connections along and no others; its death is told", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({}, async (dataplane) => {
        const services = ["a", "b"].map((name, at) => {
          return { name, clusterIp: `10.96.0.${at + 1}`, endpoints: [endpoint.addr] };
        });
        // Dealt out: `a` to worker 0 and `b` to worker 1.
        await dataplane.apply(...compiled("userspace", services));
        const clients = await Promise.all(["default/a", "default/b"].map((name) => tcpClient(dataplane.at(name))));
        for (const { socket } of clients) socket.write("x");
        await until(() => dataplane.status().counters.bytesToClients === 2);
        await dataplane.poison(0);
        await clients[0]!.ended;
        await dataplane.whole();
        assert.equal(dataplane.status().counters.active, 1);
        clients[1]!.socket.write("y");
        await until(() => dataplane.status().counters.bytesToClients === 3);
        assert.equal(dataplane.status().counters.accepted, 2);
        assert.equal(dataplane.logged.length, 1);
        assert.match(
          dataplane.logged[0]!,
          /^warning: worker 0 \(thread \d+\) died with 1 connection: unreachable: .*nonsense/,
        );
      });
      await endpoint.close();
    });

    test("workers that die while tables are switched leave the last table in force, and every port served", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({ workers: 3 }, async (dataplane) => {
        const table = (round: number) =>
          compiled(
            (["ipvs", "userspace", "iptables"] as const)[round % 3]!,
            [1, 2, 3].map((at) => ({
              name: `s${at + (round % 2)}`,
              clusterIp: `10.96.0.${at}`,
              endpoints: [endpoint.addr],
            })),
          );
        for (let round = 0; round < 9; round += 1) {
          const applied = dataplane.apply(...table(round));
          // At another moment of the switch each time: it takes about this many turns.
          for (let turn = 0; turn < round; turn += 1) await new Promise(setImmediate);
          await dataplane.terminate(round % 3);
          await applied;
          // A worker that died only after the apply is replaced, too.
          await dataplane.whole();
          const { listeners, generation } = dataplane.status();
          assert.equal(generation, round + 1);
          for (const { at, reason } of listeners) {
            assert.equal(reason, undefined);
            assert.equal(await answered(at!), "x");
          }
        }
        await until(() => dataplane.status().counters.active === 0);
      });
      await endpoint.close();
    });

    /** What a connection answers to an `x`, without ending it first. */
    async function answered(at: SocketAddr): Promise<string> {
      const { socket } = await tcpClient(at);
      socket.write("x");
      const [answer] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      return String(answer);
    }

    test("a worker that cannot be kept alive fails the apply that waits for it", async () => {
      await running({ workers: 1 }, async (dataplane) => {
        await dataplane.apply(...compiled("ipvs", []));
        for (let death = 0; death < 4; death += 1) {
          await dataplane.terminate(0);
          if (death < 3) await dataplane.whole();
        }
        await assert.rejects(dataplane.apply(...compiled("ipvs", [])), {
          code: "DATAPLANE_FAILED",
          message: /no worker thread stays alive/,
        });
      });
    });
  },
  { sampled: 4 },
);
