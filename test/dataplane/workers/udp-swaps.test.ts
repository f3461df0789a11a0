import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { deadAddr, udpPeer, type UdpPeer, until } from "./peers.ts";
import { forEachEngine } from "./running.ts";
import { compiled } from "./services.ts";

/** A datagram: who sent it, the how manieth it is, a checksum of the rest, and that. */
const HEADER_BYTES = 8;
const SUM_BYTES = 32;

function numbered(client: number, number: number): Buffer {
  const rest = randomBytes(1 + ((client + number) % 400));
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE(client);
  head.writeUInt32BE(number, 4);
  return Buffer.concat([head, createHash("sha256").update(head).update(rest).digest(), rest]);
}

/** @returns whose it is and its number; fails for one that was altered. */
function read(datagram: Buffer): { readonly client: number; readonly number: number } {
  const [head, rest] = [datagram.subarray(0, HEADER_BYTES), datagram.subarray(HEADER_BYTES + SUM_BYTES)];
  const sum = datagram.subarray(HEADER_BYTES, HEADER_BYTES + SUM_BYTES);
  assert.ok(createHash("sha256").update(head).update(rest).digest().equals(sum), "altered");
  return { client: head.readUInt32BE(), number: head.readUInt32BE(4) };
}

/** What became of a datagram. */
interface Fate {
  /** Which endpoint got it. */
  endpoint?: number;
  answered: boolean;
}

/** All datagrams, by client and number. */
type Book = Fate[][];

/** An endpoint that answers, and notes who comes from where. @returns its ports of each client, without repetitions. */
async function noting(book: Book, endpoint: number): Promise<{ readonly peer: UdpPeer; readonly ports: number[][] }> {
  const ports: number[][] = [];
  const peer = await udpPeer(`127.0.1.${endpoint + 1}`, (datagram, from, socket) => {
    const { client, number } = read(datagram);
    const fate = book[client]![number]!;
    assert.equal(fate.endpoint, undefined, "it came twice");
    fate.endpoint = endpoint;
    const seen = (ports[client] ??= []);
    if (seen.at(-1) !== from.port) seen.push(from.port);
    socket.send(datagram, from.port, from.address);
  });
  return { peer, ports };
}

/** An answer that does not come is not waited for any longer. */
const PATIENCE_MS = 200;

/** Asks again and again, with one datagram on its way at a time, until it is told to stop. */
async function asking(book: Book, client: number, to: SocketAddr, stopped: () => boolean): Promise<UdpPeer> {
  const fates: Fate[] = (book[client] = []);
  const peer = await udpPeer("127.0.0.1", (datagram) => {
    const answer = read(datagram);
    assert.equal(answer.client, client);
    assert.equal(fates[answer.number]!.answered, false, "it was answered twice");
    fates[answer.number]!.answered = true;
    if (answer.number === fates.length - 1) next();
  });
  let patience: NodeJS.Timeout | undefined;
  const next = (): void => {
    clearTimeout(patience);
    if (stopped()) return;
    fates.push({ answered: false });
    peer.send(numbered(client, fates.length - 1), to);
    patience = setTimeout(next, PATIENCE_MS);
  };
  next();
  return peer;
}

forEachEngine(
  "workers: switching tables under datagrams",
  (test, running) => {
    const CLIENTS = 40;
    const SWAPS = 100;
    /** Of the endpoints the one that all tables have. */
    const STAYS = 1;
    /** And which the last one does not have. */
    const LEFT = 2;

    for (const mode of ["ipvs", "iptables"] as const) {
      test(`${mode}: no datagram is lost or altered while tables are switched ${SWAPS} times; who may stays`, async () => {
        const book: Book = [];
        const endpoints = await Promise.all([0, 1, 2].map((at) => noting(book, at)));
        const [a, b, c] = endpoints.map(({ peer }) => peer.addr) as [SocketAddr, SocketAddr, SocketAddr];
        const udp = { protocol: "UDP" } as const;
        const other = { ...udp, name: "other", clusterIp: "10.96.0.11", endpoints: [deadAddr()] };
        const tables = [
          compiled(mode, [{ ...udp, endpoints: [a, b] }, other]),
          compiled(mode, [{ ...udp, endpoints: [b, c] }]),
        ] as const;
        await running({}, async (dataplane) => {
          await dataplane.apply(...tables[0]);
          const at = dataplane.at();
          const clients: UdpPeer[] = [];
          let stopped = false;
          let swaps = 0;
          // As quick as they can be; new clients come all the while.
          while (swaps < SWAPS) {
            if (swaps % 2 === 0 && clients.length < CLIENTS)
              clients.push(await asking(book, clients.length, at, () => stopped));
            swaps += 1;
            await dataplane.apply(...tables[swaps % 2]!);
          }
          // What is sent from here on, no endpoint gets that has left.
          const sent = book.map((fates) => fates.length);
          await until(() => book.every((fates, client) => fates.length > sent[client]! + 3));
          stopped = true;
          const all = (): Fate[] => book.flat();
          await until(() => all().every(({ endpoint, answered }) => answered || endpoint !== undefined));
          await until(() => all().every(({ endpoint, answered }) => answered || endpoint !== STAYS));

          for (const [client, fates] of book.entries())
            assert.ok(fates.slice(sent[client]).every(({ endpoint }) => endpoint !== LEFT));
          const { udpFlows, udpActive, datagramsLost, datagramsToEndpoints } = dataplane.status().counters;
          assert.deepEqual([datagramsLost, datagramsToEndpoints], [0, all().length]);
          // What an endpoint that has left still answers has no flow to go back by: one for each at most.
          const unanswered = all().filter(({ answered }) => !answered).length;
          assert.ok(
            unanswered <= udpFlows - udpActive,
            `${unanswered} unanswered, ${udpFlows - udpActive} flows ended`,
          );
          // Whoever once was with the one that stays is there still, by the same flow.
          const stayed = endpoints[STAYS]!.ports;
          assert.ok(stayed.filter((ports) => ports !== undefined).length > CLIENTS / 2);
          for (const ports of stayed) assert.ok(ports === undefined || ports.length === 1);
          for (const fates of book) {
            const first = fates.findIndex(({ endpoint }) => endpoint === STAYS);
            if (first >= 0) assert.ok(fates.slice(first).every(({ endpoint }) => endpoint === STAYS));
          }
          for (const at of [0, 1, 2]) assert.ok(all().some(({ endpoint }) => endpoint === at));
          for (const client of clients) client.close();
        });
        for (const { peer } of endpoints) peer.close();
      });
    }
  },
  { sampled: 2 },
);
