import assert from "node:assert/strict";
import { ipvsSchedulers } from "../../../../src/balancers/ipvs-schedulers.ts";
import { TCP, UDP } from "../../../../src/net/flow.ts";
import { parseIp } from "../../../../src/net/ip.ts";
import { suite } from "../../../support/suite.ts";
import { flowOf, Trial } from "./trial.ts";

const test = suite("IPVS persistence");

const SECOND = 1000;
const persistent = (seconds = 300, netmask?: string) => ({
  persistence: {
    timeoutMs: seconds * SECOND,
    ...(netmask === undefined ? {} : { netmask: parseIp(netmask) }),
  },
});

test("a client's connections go to one server, and only those without a template move the scheduler", () => {
  const trial = new Trial(persistent()).servers(1, 2, 3);
  const clients = ["10.1.1.1", "10.1.1.1", "10.1.1.2", "10.1.1.1", "10.1.1.3", "10.1.1.2", "10.1.1.4"];
  assert.deepEqual(
    clients.map((client) => trial.open(client)),
    [3, 3, 2, 3, 1, 2, 3],
  );
});

test("with every scheduler: further connections go to the server of the first", () => {
  for (const scheduler of ipvsSchedulers) {
    const trial = new Trial({ scheduler, ...persistent() }).servers(1, 2, 3, 4, 5);
    const clients = Array.from({ length: 20 }, (_, n) => `10.1.${n}.1`);
    const first = clients.map((client) => trial.open(client));
    const again = clients.map((client) => trial.open(client, TCP));
    assert.deepEqual(again, first, scheduler);
  }
});

test("IPv4: the netmask says who is one client, also where its bits are not in a row", () => {
  const trial = new Trial(persistent(300, "255.255.255.0")).servers(1, 2, 3);
  const open = (...clients: readonly string[]): unknown[] => clients.map((client) => trial.open(client));
  assert.deepEqual(open("10.1.1.1", "10.1.1.200", "10.1.2.1", "10.1.1.7"), [3, 3, 2, 3]);
  const odd = new Trial(persistent(300, "255.0.0.255")).servers(1, 2, 3);
  assert.deepEqual(
    ["10.1.1.1", "10.9.9.1", "10.1.1.2", "11.1.1.1"].map((client) => odd.open(client)),
    [3, 3, 2, 1],
  );
});

test("IPv6: the prefix says who is one client", () => {
  for (const [mask, expected] of [
    [undefined, [3, 2, 1, 3]],
    ["ffff:ffff:ffff:ffff::", [3, 3, 2, 1]],
    ["ffff:ffff:8000::", [3, 3, 3, 2]],
    ["ffff::", [3, 3, 3, 3]],
  ] as const) {
    const trial = new Trial(persistent(300, mask)).servers(1, 2, 3);
    const clients = ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:2::1", "2001:db8:8000::1"];
    assert.deepEqual(
      clients.map((client) => trial.open(client)),
      expected,
      mask,
    );
  }
});

test("of a firewall mark, or port 0, there is one template for all addresses, ports and protocols", () => {
  const trial = new Trial(persistent()).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1", TCP, "10.96.0.1:80"), 3);
  assert.equal(trial.open("10.1.1.1", TCP, "10.96.9.9:443"), 3);
  assert.equal(trial.open("10.1.1.1", UDP, "10.96.7.7:53"), 3);
  assert.equal(trial.open("10.1.1.2", UDP, "10.96.7.7:53"), 2);
  assert.deepEqual(trial.counts(), [
    [3, 2, 1],
    [2, 0, 1],
    [1, 0, 0],
  ]);
});

test("templates are no connections: they are not counted", () => {
  const trial = new Trial(persistent()).servers(1, 2);
  trial.open("10.1.1.1", UDP);
  trial.clock.advance(300 * SECOND - 1);
  assert.deepEqual(trial.counts()[0], [2, 0, 1]);
  const gone = new Trial({ ...persistent(1000), onePacket: true }).servers(1, 2);
  assert.equal(gone.open("10.1.1.1", UDP), 2);
  assert.deepEqual(gone.counts(), [
    [2, 0, 0],
    [1, 0, 0],
  ]);
});

test("its time starts anew with every new connection, and with no other packet", () => {
  const trial = new Trial({ ...persistent(400), onePacket: true }).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1", UDP), 3);
  for (let again = 0; again < 3; again += 1) {
    trial.clock.advance(400 * SECOND - 1);
    assert.equal(trial.open("10.1.1.1", UDP), 3);
  }
  trial.clock.advance(400 * SECOND);
  assert.equal(trial.open("10.1.1.1", UDP), 2);

  const kept = new Trial(persistent(400), { timeoutsMs: { UDP: 300 * SECOND } }).servers(1, 2, 3);
  const flow = flowOf("10.1.1.1", 5000, UDP);
  assert.equal(kept.send(flow), 3);
  kept.clock.advance(50 * SECOND);
  kept.send(flow, "request");
  // The connection ends at 350 s, the template at 400 s: the datagram at 50 s did nothing for it.
  kept.clock.advance(350 * SECOND);
  assert.equal(kept.open("10.1.1.1", UDP), 2);
});

test("when it is over while connections are in the table, it stays, with 60 s from then on", () => {
  const trial = new Trial(persistent(2), { timeoutsMs: { FIN_WAIT: SECOND } }).servers(1, 2, 3);
  const flow = flowOf("10.1.1.1", 5000);
  trial.send(flow);
  trial.send(flow, "request");
  // Fires at 2 s, again at 62 s, 122 s, …
  trial.clock.advance(3 * SECOND);
  trial.send(flow, "server-fin");
  trial.clock.advance(SECOND);
  assert.equal(trial.ipvs.find(flow), undefined);
  trial.clock.advance(57 * SECOND);
  assert.equal(trial.open("10.1.1.9"), 2, "another client moves the scheduler");
  // 61 s: still there, and started anew by this, for 60 s and not for 2.
  const second = flowOf("10.1.1.1", 5001);
  assert.equal(trial.send(second), 3);
  trial.send(second, "server-rst");
  trial.clock.advance(59_999);
  assert.equal(trial.open("10.1.1.1"), 3);
});

test("it is over for good once its connections have left the table", () => {
  const trial = new Trial(persistent(2), { timeoutsMs: { UDP: 5 * SECOND } }).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1", UDP), 3);
  // The connection ends at 5 s; the template fired at 2 s and fires at 62 s.
  trial.clock.advance(61_999);
  assert.equal(trial.ipvs.connections().length, 0);
  assert.equal(trial.open("10.1.1.2", UDP), 2);
  trial.clock.advance(1);
  assert.equal(trial.open("10.1.1.1", UDP), 1);
});

test("a connection whose time is over at the same moment does not keep it", () => {
  const trial = new Trial(persistent(300)).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1", UDP), 3);
  trial.clock.advance(300 * SECOND);
  assert.equal(trial.open("10.1.1.1", UDP), 2);
});

test("a server of weight 0 keeps its clients, and gets no new ones", () => {
  const trial = new Trial(persistent()).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1"), 3);
  trial.edit(3, { weight: 0 });
  assert.equal(trial.open("10.1.1.1"), 3);
  for (const number of [1, 2]) trial.edit(number, { weight: 0 });
  assert.equal(trial.open("10.1.1.1"), 3);
  assert.equal(trial.open("10.1.1.2"), "reject");
});

test("with expire_quiescent_template a server of weight 0 loses its clients, also those it might get back", () => {
  const sysctls = { expireQuiescentTemplate: true };
  const trial = new Trial(persistent(), { sysctls }).servers(1, 2, 3);
  assert.deepEqual([trial.open("10.1.1.1"), trial.open("10.1.1.2"), trial.open("10.1.1.3")], [3, 2, 1]);
  for (const number of [1, 2, 3]) trial.edit(number, { weight: 0 });
  assert.equal(trial.open("10.1.1.1"), "reject");
  for (const number of [1, 2, 3]) trial.edit(number, { weight: 1 });
  assert.equal(trial.open("10.1.1.3"), 1, "this one did not come while the weight was 0");
  assert.equal(trial.open("10.1.1.1"), 3, "by its turn, as a new client");
  assert.equal(trial.open("10.1.1.4"), 2, "the turn after that");
});

test("an overloaded server keeps its clients, above its threshold", () => {
  for (const kernel of ["6.1.176", "6.1.192"] as const) {
    const trial = new Trial(persistent(), { kernel });
    trial.add(1);
    trial.add(2, { upper: 2 });
    assert.deepEqual([trial.open("10.1.1.1"), trial.open("10.1.1.1"), trial.open("10.1.1.1")], [2, 2, 2], kernel);
    assert.equal(trial.open("10.1.1.2"), 1, kernel);
    assert.equal(trial.open("10.1.1.3"), 1, kernel);
    assert.deepEqual(trial.counts(), [
      [2, 3, 0],
      [1, 2, 0],
    ]);
  }
});

test("a server that is removed leads nowhere; it gets back the clients that did not come meanwhile", () => {
  const trial = new Trial(persistent()).servers(1, 2, 3);
  assert.deepEqual([trial.open("10.1.1.1"), trial.open("10.1.1.2"), trial.open("10.1.1.3")], [3, 2, 1]);
  assert.equal(trial.open("10.1.1.4"), 3);
  trial.remove(3);
  const [elsewhere] = [trial.open("10.1.1.1")];
  assert.notEqual(elsewhere, 3);
  trial.add(3);
  assert.equal(trial.open("10.1.1.1"), elsewhere, "it has a template of its own now");
  assert.equal(trial.open("10.1.1.4"), 3, "this one did not come");
});

test("with expire_nodest_conn the templates of a removed server go with its connections", () => {
  const sysctls = { expireNodestConn: true };
  const trial = new Trial(persistent(), { sysctls }).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1"), 3);
  trial.remove(3);
  trial.add(3);
  assert.equal(trial.open("10.1.1.2"), 3, "the turn began anew with the server under it");
  assert.equal(trial.open("10.1.1.1"), 2);
});

test("a connection of a template that is over is not scheduled again by a SYN, but goes on where it is", () => {
  const trial = new Trial(persistent()).servers(1, 2, 3);
  const flow = flowOf("10.1.1.1", 5000);
  assert.equal(trial.send(flow), 3);
  trial.send(flow, "server-rst");
  trial.edit(3, { weight: 0 });
  assert.equal(trial.send(flow), 3);
  assert.deepEqual(trial.counts()[0], [3, 1, 0]);
});

test("a new scheduler keeps the templates; a new time holds for new clients", () => {
  const trial = new Trial({ ...persistent(1000), onePacket: true }).servers(1, 2, 3);
  assert.equal(trial.open("10.1.1.1", UDP), 3);
  trial.service.edit({ ...trial.service.settings, scheduler: "fo", ...persistent(10) });
  trial.edit(1, { weight: 9 });
  assert.equal(trial.open("10.1.1.1", UDP), 3);
  assert.equal(trial.open("10.1.1.2", UDP), 1);
  trial.clock.advance(10 * SECOND);
  trial.edit(2, { weight: 99 });
  assert.equal(trial.open("10.1.1.1", UDP), 3);
  assert.equal(trial.open("10.1.1.2", UDP), 2);
});

test("a peek says where a client would go and leaves template and scheduler as they are", () => {
  const trial = new Trial({ ...persistent(10), onePacket: true }).servers(1, 2, 3);
  const peek = (client: string): number | undefined =>
    Number(trial.ipvs.peek(flowOf(client, 1), trial.service, { u32: () => 0, below: () => 0 })?.addr.ip) & 0xff;
  trial.open("10.1.1.1", UDP);
  trial.clock.advance(9 * SECOND);
  assert.deepEqual([peek("10.1.1.1"), peek("10.1.1.2"), peek("10.1.1.2")], [3, 2, 2]);
  trial.clock.advance(SECOND);
  assert.equal(peek("10.1.1.1"), 2, "its time is over");
  assert.deepEqual([trial.open("10.1.1.2", UDP), trial.open("10.1.1.1", UDP)], [2, 1]);
});
