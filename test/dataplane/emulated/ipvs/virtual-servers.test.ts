/** Virtual servers as an emulated node has them: programs come and go, connections stay. */
import assert from "node:assert/strict";
import { isSluiceError } from "../../../../src/core/errors.ts";
import type { VirtualServer } from "../../../../src/modes/ipvs/tables.ts";
import type { Program } from "../../../../src/modes/program.ts";
import { UDP } from "../../../../src/net/flow.ts";
import { suite } from "../../../support/suite.ts";
import { flow, ipvs, type Node, nodeWith, plan, said } from "../literals.ts";

const test = suite("virtual servers of an emulated node");

const web = "10.96.0.1:80";
const key = `${web}/TCP`;
const three = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

/** A program with something more in its virtual servers. */
function program(servers: readonly string[], more: Partial<VirtualServer> = {}): Program {
  const plain = ipvs({ [web]: servers });
  assert.ok(plain.mode === "ipvs");
  const tables = plain.tables.map(({ family, virtualServers }) => ({
    family,
    virtualServers: virtualServers.map((one) => Object.assign({}, one, more)),
  }));
  return { mode: "ipvs", tables };
}

function loads(node: Node): readonly unknown[] {
  return node.servers(key)!.map(({ addr: { ip }, active, inactive }) => [Number(ip) & 255, active, inactive]);
}

test("a virtual server that is gone takes nothing; coming back it has its counts, and its scheduler begins anew", async () => {
  const node = await nodeWith(program(three));
  const held = flow("192.168.10.1", web);
  assert.equal(said(node.packet(held)), "10.0.0.3:80");
  assert.equal(node.open("192.168.10.2", web), "10.0.0.2:80");
  await node.apply(ipvs({}), plan());
  assert.equal(node.open("192.168.10.3", web), "pass");
  assert.equal(node.servers(key), undefined);
  assert.equal(said(node.packet(held, "request")), "10.0.0.3:80");
  await node.apply(program(three), plan());
  assert.deepEqual(loads(node), [
    [3, 1, 0],
    [2, 1, 0],
    [1, 0, 0],
  ]);
  assert.equal(node.open("192.168.10.4", web), "10.0.0.3:80", "from the head of the list");
});

test("one that is gone and has no connections left starts from 0", async () => {
  const node = await nodeWith(program(three));
  node.open("192.168.10.1", web);
  await node.apply(ipvs({}), plan());
  node.clock.advance(60_000);
  await node.apply(program(three), plan());
  assert.deepEqual(loads(node), [
    [3, 0, 0],
    [2, 0, 0],
    [1, 0, 0],
  ]);
});

test("the datagrams of a virtual server that is gone belong to nobody", async () => {
  const node = await nodeWith(program(three, { proto: UDP }));
  const socket = flow("192.168.10.1", web, UDP);
  assert.equal(said(node.packet(socket)), "10.0.0.3:80");
  await node.apply(ipvs({}), plan());
  assert.equal(said(node.packet(socket)), "pass");
  assert.deepEqual(node.flows(), []);
});

test("scheduler, flags, persistence and weights follow the program, connections and list order do not", async () => {
  const node = await nodeWith(program(three));
  assert.deepEqual([node.open("192.168.10.1", web), node.open("192.168.10.1", web)], ["10.0.0.3:80", "10.0.0.2:80"]);
  await node.apply(program([...three].reverse(), { persistenceSeconds: 300 }), plan());
  assert.deepEqual([node.open("192.168.10.1", web), node.open("192.168.10.1", web)], ["10.0.0.1:80", "10.0.0.1:80"]);
  await node.apply(program(three, { scheduler: "lc" }), plan());
  assert.equal(node.open("192.168.10.1", web), "10.0.0.3:80", "one connection, like 2, and before it in the list");
  await node.apply(program(three, { scheduler: "sh" }), plan());
  const bySource = new Set(Array.from({ length: 30 }, () => node.open("192.168.10.1", web)));
  assert.equal(bySource.size, 1);
  await node.apply(program(three, { scheduler: "sh", flags: ["sh-port"] }), plan());
  const byPort = new Set(Array.from({ length: 30 }, () => node.open("192.168.10.1", web)));
  assert.equal(byPort.size, 3);
});

test("a flag that there is not is refused, and the program before stays in force", async () => {
  const node = await nodeWith(program(three));
  const refused = program(["10.0.0.9:80"], { scheduler: "sh", flags: ["sh-ports"] });
  await assert.rejects(node.apply(refused, plan()), (error) => isSluiceError(error, "DATAPLANE_FAILED"));
  assert.equal(node.open("192.168.10.1", web), "10.0.0.3:80");
});

test("of two virtual servers at one place the first stays", async () => {
  const [first, second] = [program(["10.0.0.1:80"]), program(["10.0.0.2:80"])];
  assert.ok(first.mode === "ipvs" && second.mode === "ipvs");
  const node = await nodeWith({ mode: "ipvs", tables: [...first.tables, ...second.tables] });
  assert.deepEqual([node.open("192.168.10.1", web), node.open("192.168.10.1", web)], ["10.0.0.1:80", "10.0.0.1:80"]);
});

test("a trace follows the client's persistence, and says nothing of other addresses", async () => {
  const node = await nodeWith(program(three, { persistenceSeconds: 100 }));
  node.open("192.168.10.1", web);
  const effects = (from: string): readonly string[] => node.trace(flow(from, web)).steps.map(({ effect }) => effect);
  assert.match(effects("192.168.10.1")[1]!, /^chosen: weight 1, active 1/);
  assert.match(effects("192.168.10.2")[2]!, /^chosen: weight 1, active 0/);
  assert.deepEqual(node.trace(flow("192.168.10.1", "10.96.0.9:80")), {
    decision: { verdict: "pass", steps: 1 },
    steps: [],
  });
});

test("a client whose server drains, or is removed, is sent elsewhere, as with kube-proxy's sysctls", async () => {
  const persistent = { persistenceSeconds: 100 };
  const node = await nodeWith(program(three, persistent));
  assert.equal(node.open("192.168.10.1", web), "10.0.0.3:80");
  await node.apply(program([...three.slice(0, 2), "10.0.0.3:80 0"], persistent), plan());
  assert.equal(node.open("192.168.10.1", web), "10.0.0.2:80");
  await node.apply(program(["10.0.0.1:80"], persistent), plan());
  assert.equal(node.open("192.168.10.1", web), "10.0.0.1:80");
  await node.apply(program(three, persistent), plan());
  assert.equal(node.open("192.168.10.1", web), "10.0.0.1:80");
});
