import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { echo, tcpEndpoint, until } from "./peers.ts";
import { forEachEngine } from "./running.ts";
import { compiled } from "./services.ts";

forEachEngine(
  "workers: switching tables under load",
  (test, running) => {
    const CONNECTIONS = 1000;
    const SWAPS = 100;
    const CHUNK_BYTES = 16_384;

    /** A connection that checks all that comes back, and fails at the first thing that is not as it should be. */
    async function converse(to: SocketAddr, between: Promise<void>): Promise<void> {
      const socket = connect({ host: formatIp(to.ip), port: to.port, noDelay: true });
      await once(socket, "connect");
      await exchange(socket);
      await between;
      await exchange(socket);
      socket.end();
      await once(socket, "close");
    }

    async function exchange(socket: ReturnType<typeof connect>): Promise<void> {
      const sent = randomBytes(CHUNK_BYTES);
      const back = createHash("sha256");
      socket.write(sent);
      for (let missing = sent.length; missing > 0;) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        back.update(chunk);
        missing -= chunk.length;
      }
      assert.equal(back.digest("hex"), createHash("sha256").update(sent).digest("hex"));
    }

    for (const mode of ["ipvs", "iptables"] as const) {
      test(`${mode}: ${CONNECTIONS} connections lose no byte while tables are switched ${SWAPS} times`, async () => {
        const endpoints = await Promise.all([1, 2, 3].map((host) => tcpEndpoint(echo, `127.0.1.${host}`)));
        const [a, b, c] = endpoints.map(({ addr }) => addr) as [SocketAddr, SocketAddr, SocketAddr];
        // Endpoints come and go, and so does another service.
        const tables = [
          compiled(mode, [{ endpoints: [a, b] }, { name: "other", clusterIp: "10.96.0.11", endpoints: [c] }]),
          compiled(mode, [{ endpoints: [b, c] }]),
        ] as const;
        await running({}, async (dataplane) => {
          await dataplane.apply(...tables[0]);
          const at = dataplane.at();
          let finish = (): void => {};
          const switched = new Promise<void>((resolve) => (finish = resolve));
          const conversations: Promise<void>[] = [];
          let swaps = 0;
          const switching = (async () => {
            while (swaps < SWAPS || conversations.length < CONNECTIONS) {
              swaps += 1;
              await dataplane.apply(...tables[swaps % 2]!);
            }
            finish();
          })();
          // A few at a time, so that connections are being opened all the while.
          while (conversations.length < CONNECTIONS) {
            for (let one = 0; one < 10; one += 1) conversations.push(converse(at, switched));
            const before = swaps;
            await until(() => swaps > before || swaps >= SWAPS);
          }
          await Promise.all([switching, ...conversations]);
          assert.deepEqual(dataplane.at(), at);
          await until(() => dataplane.status().counters.active === 0);
          const { accepted, refused, resets, rejected, bytesToEndpoints, bytesToClients } = dataplane.status().counters;
          assert.deepEqual(
            { accepted, refused, resets, rejected },
            { accepted: 1000, refused: 0, resets: 0, rejected: 0 },
          );
          assert.deepEqual([bytesToEndpoints, bytesToClients], Array(2).fill(CONNECTIONS * CHUNK_BYTES * 2));
          for (const { sockets } of endpoints.slice(1)) assert.ok(sockets.length > 0);
        });
        await Promise.all(endpoints.map((endpoint) => endpoint.close()));
      });
    }

    test("applies that overlap are carried out one after the other, the last one last", async () => {
      const endpoint = await tcpEndpoint(echo);
      await running({}, async (dataplane) => {
        const service = (name: string) => [{ name, endpoints: [endpoint.addr] }];
        await Promise.all(["a", "b", "c"].map((name) => dataplane.apply(...compiled("ipvs", service(name)))));
        const { generation, listeners } = dataplane.status();
        assert.equal(generation, 3);
        assert.deepEqual(
          listeners.map(({ frontend }) => frontend.servicePort),
          ["default/c"],
        );
      });
      await endpoint.close();
    });
  },
  { sampled: 2 },
);
