import assert from "node:assert/strict";
import { TCP, UDP } from "../../../../src/net/flow.ts";
import { suite } from "../../../support/suite.ts";
import { flowOf, Trial } from "./trial.ts";

const test = suite("IPVS connections of removed servers");

const tcp = flowOf("10.1.1.1", 5000);
const udp = flowOf("10.1.1.1", 5000, UDP);

/** Server 3 has one connection of each protocol, both established. */
function withConnections(options: ConstructorParameters<typeof Trial>[1] = {}): Trial {
  const trial = new Trial({ scheduler: "fo" }, options).servers(1, 2, 3);
  for (const flow of [tcp, udp]) for (const kind of ["open", "reply", "request"] as const) trial.send(flow, kind);
  assert.deepEqual(trial.counts()[0], [3, 1, 1]);
  return trial;
}

test("they stay, and packets of their clients are dropped", () => {
  const trial = withConnections();
  trial.remove(3);
  for (const flow of [tcp, udp])
    for (const kind of ["request", "open"] as const) assert.equal(trial.send(flow, kind), "drop");
  assert.equal(trial.send(tcp, "client-fin"), "drop");
  assert.equal(trial.ipvs.find(tcp)!.state, "ESTABLISHED");
  assert.equal(trial.ipvs.connections().length, 2);
});

test("packets of the server itself pass, and move them", () => {
  const trial = withConnections();
  trial.remove(3);
  assert.equal(trial.send(tcp, "server-fin"), 3);
  assert.equal(trial.ipvs.find(tcp)!.state, "FIN_WAIT");
  trial.add(3);
  assert.deepEqual(trial.counts()[0], [3, 0, 2]);
});

test("a dropped packet does not start their time anew", () => {
  const trial = withConnections();
  trial.remove(3);
  trial.clock.advance(200_000);
  assert.equal(trial.send(udp, "request"), "drop");
  trial.clock.advance(100_000);
  assert.equal(trial.send(udp, "request"), 2, "it left the table after 300 s");
});

test("a server that comes back stands at the head, and has the counts and packets of its connections again", () => {
  const trial = withConnections();
  trial.remove(3);
  assert.deepEqual(
    trial.counts().map(([number]) => number),
    [2, 1],
  );
  trial.add(4);
  trial.add(3);
  assert.deepEqual(trial.counts(), [
    [3, 1, 1],
    [4, 0, 0],
    [2, 0, 0],
    [1, 0, 0],
  ]);
  assert.equal(trial.send(tcp, "request"), 3);
  assert.equal(trial.send(udp, "request"), 3);
});

test("a connection that is over opens anew elsewhere", () => {
  const trial = withConnections();
  trial.send(tcp, "server-rst");
  trial.remove(3);
  assert.equal(trial.send(tcp), 2);
  trial.add(3);
  assert.deepEqual(trial.counts()[0], [3, 0, 1]);
});

test("they end in their time, and a server that comes back later starts from 0", () => {
  const trial = withConnections();
  trial.remove(3);
  trial.clock.advance(300_000);
  assert.equal(trial.ipvs.connections().length, 1);
  trial.clock.advance(600_000);
  assert.equal(trial.ipvs.connections().length, 0);
  trial.add(3);
  assert.deepEqual(trial.counts()[0], [3, 0, 0]);
});

test("with expire_nodest_conn they leave the table at once; clients are scheduled again", () => {
  const trial = withConnections({ sysctls: { expireNodestConn: true } });
  trial.remove(3);
  assert.equal(trial.ipvs.connections().length, 0);
  assert.equal(trial.send(udp, "request"), 2);
  assert.equal(trial.send(tcp, "request"), "pass", "no SYN, no connection");
  trial.add(3);
  assert.deepEqual(trial.counts(), [
    [3, 0, 0],
    [2, 0, 1],
    [1, 0, 0],
  ]);
});

test("removed gracefully, a server keeps its TCP connections, which go on, and loses those of UDP", () => {
  const trial = withConnections({ gracefulRemoval: true });
  trial.remove(3);
  assert.equal(trial.send(tcp, "request"), 3);
  assert.equal(trial.send(udp, "request"), 2);
  assert.equal(trial.open("10.1.1.2", TCP), 2);
});

test("removed gracefully, a server with connections keeps its templates, and one without has none left", () => {
  const options = { gracefulRemoval: true, sysctls: { expireNodestConn: true } };
  const trial = new Trial({ persistence: { timeoutMs: 300_000 } }, options).servers(1, 2, 3);
  assert.deepEqual([trial.open("10.1.1.1"), trial.open("10.1.1.2", UDP)], [3, 2]);
  for (const number of [2, 3]) trial.remove(number);
  for (const number of [2, 3]) trial.add(number);
  assert.equal(trial.open("10.1.1.1"), 3, "by its template");
  assert.equal(trial.open("10.1.1.2"), 3, "by its turn");
});

test("thresholds: a server that comes back is overloaded by the connections it still has", () => {
  for (const [kernel, picks] of [
    ["6.1.192", [2, 2]],
    ["6.1.176", [3, 2]],
  ] as const) {
    const trial = withConnections({ kernel });
    trial.remove(3);
    trial.add(3, { upper: 2 });
    // The older kernel looks only once another connection was added.
    assert.deepEqual([trial.open("10.1.1.2"), trial.open("10.1.1.3")], picks, kernel);
  }
});

test("slots are given to others once nothing leads to a removed server", () => {
  const trial = new Trial().servers(1);
  for (let number = 2; number <= 200; number += 1) {
    trial.add(number);
    trial.remove(number - 1);
  }
  assert.equal(trial.service.servers.set.capacity, 16);
  trial.open("10.1.1.1");
  trial.remove(200);
  for (let number = 1; number <= 40; number += 1) trial.add(number);
  assert.equal(trial.service.servers.set.capacity, 64);
  trial.add(200);
  assert.deepEqual(trial.counts()[0], [200, 1, 0]);
});

test("a template, too, keeps the slot of its server until it is over", () => {
  const trial = new Trial({ persistence: { timeoutMs: 1000 }, onePacket: true });
  for (let number = 1; number <= 100; number += 1) {
    trial.add(number);
    assert.equal(trial.open(`10.1.1.${number}`, UDP), number);
    trial.remove(number);
    trial.clock.advance(100);
  }
  // Ten templates at a time, and not a hundred.
  assert.equal(trial.service.servers.set.capacity, 16);
});

test("more servers than slots: list, counts and the scheduler's place stay", () => {
  const trial = new Trial().servers(1, 2, 3);
  assert.deepEqual([trial.open("10.1.1.1"), trial.open("10.1.1.2")], [3, 2]);
  trial.servers(...Array.from({ length: 37 }, (_, n) => n + 4));
  assert.equal(trial.open("10.1.1.3"), 1);
  assert.equal(trial.open("10.1.1.4"), 40, "round to the head");
  assert.deepEqual(
    trial.counts().filter(([, active]) => active > 0),
    [
      [40, 1, 0],
      [3, 1, 0],
      [2, 1, 0],
      [1, 1, 0],
    ],
  );
});
