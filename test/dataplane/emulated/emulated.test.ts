import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createEmulated } from "../../../src/dataplane/emulated/emulated.ts";
import type { Match, Rule } from "../../../src/modes/iptables/ruleset.ts";
import type { Program } from "../../../src/modes/program.ts";
import { TCP, UDP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";
import { addr, dnat, flow, iptables, ipvs, nodeWith, plan, rule, said, userspace } from "./literals.ts";

const test = suite("emulated node");

const client = "192.168.10.100";
const web = "10.96.0.1:80";
const dns = "10.96.0.1:53";
const udpTo = (...endpoints: readonly string[]): Program => iptables({ "nat/PREROUTING": dispatch(endpoints) });

/** Datagrams for 10.96.0.1:53 go to the first of these endpoints; the others are there as well. */
function dispatch(endpoints: readonly string[]): Rule[] {
  const udp: Match = { kind: "protocol", proto: UDP };
  const port: Match = { kind: "destination-port", proto: UDP, port: 53 };
  return endpoints.map((endpoint) => rule(dnat(endpoint), udp, port));
}

test("packets of a known flow go where the first one went, and no rule is looked at again", async () => {
  const node = await nodeWith(ipvs({ [web]: ["10.0.0.1:80", "10.0.0.2:80"] }));
  const first = node.packet(flow(client, web));
  for (const kind of ["reply", "request", "request", "reply"] as const) {
    assert.deepEqual(node.packet(flow(client, web), kind), first, kind);
  }
  assert.equal(said(node.packet(flow("192.168.10.101", web))), "10.0.0.1:80");
});

test("a packet that opens nothing and belongs to nothing passes", async () => {
  const node = await nodeWith(ipvs({ [web]: ["10.0.0.1:80"] }));
  for (const kind of ["request", "reply", "client-fin", "server-fin", "client-rst", "server-rst"] as const) {
    assert.deepEqual(node.packet(flow(client, web), kind), { verdict: "pass", steps: 0 }, kind);
  }
  assert.deepEqual(node.flows(), []);
});

test("of UDP any datagram of the client opens the flow", async () => {
  const node = await nodeWith(udpTo("10.0.0.1:53"));
  assert.equal(said(node.packet(flow(client, dns, UDP), "request")), "10.0.0.1:53");
});

test("what is rejected and dropped leaves no flow behind", async () => {
  const reject = iptables({
    "filter/FORWARD": [rule({ kind: "reject" }, { kind: "protocol", proto: TCP }), rule({ kind: "drop" })],
  });
  const node = await nodeWith(reject);
  assert.equal(node.open(client, web), "reject");
  assert.equal(node.open(client, web, UDP), "drop");
  assert.deepEqual(node.flows(), []);
});

test("a SYN on a connection that is over opens a new one; on one that is not, it changes nothing", async () => {
  const node = await nodeWith(ipvs({ [web]: ["10.0.0.1:80", "10.0.0.2:80"] }));
  const same = flow(client, web);
  assert.equal(said(node.packet(same)), "10.0.0.2:80");
  assert.equal(said(node.packet(same)), "10.0.0.2:80", "a SYN sent again");
  node.packet(same, "server-rst");
  assert.equal(said(node.packet(same)), "10.0.0.1:80");
  const loads = node.servers("10.96.0.1:80/TCP")!.map(({ active, inactive }) => [active, inactive]);
  assert.deepEqual(loads, [
    [0, 0],
    [1, 0],
  ]);
});

test("a flow that is idle too long is decided anew", async () => {
  const node = await nodeWith(ipvs({ [dns]: ["10.0.0.1:53", "10.0.0.2:53"] }, { proto: UDP }));
  const same = flow(client, dns, UDP);
  assert.equal(said(node.packet(same)), "10.0.0.2:53");
  node.clock.advance(299_999);
  assert.equal(said(node.packet(same)), "10.0.0.2:53");
  node.clock.advance(300_000);
  assert.equal(said(node.packet(same)), "10.0.0.1:53");
});

test("the userspace proxy forgets a UDP client after a quarter of a second", async () => {
  const node = await nodeWith(userspace({ [dns]: ["10.0.0.1:53", "10.0.0.2:53"] }, { proto: UDP }));
  const same = flow(client, dns, UDP);
  const first = said(node.packet(same));
  node.clock.advance(249);
  assert.equal(said(node.packet(same, "reply")), first);
  node.clock.advance(250);
  assert.notEqual(said(node.packet(same)), first);
});

test("an apply keeps TCP flows where they are, whatever becomes of their endpoint", async () => {
  const programs: readonly Program[] = [
    ipvs({ [web]: ["10.0.0.1:80"] }),
    ipvs({ [web]: ["10.0.0.2:80"] }),
    userspace({ [web]: ["10.0.0.3:80"] }),
    iptables({ "nat/PREROUTING": [rule(dnat("10.0.0.4:80"))] }),
    ipvs({}),
  ];
  const node = await nodeWith(programs[0]!);
  const held = node.packet(flow(client, web));
  for (const program of programs) {
    await node.apply(program, plan());
    assert.deepEqual(node.packet(flow(client, web), "request"), held);
  }
  assert.equal(node.flows().length, 1);
});

test("iptables: a UDP client moves on when its endpoint is gone, and stays while it is there", async () => {
  const node = await nodeWith(udpTo("10.0.0.1:53"));
  const socket = flow(client, dns, UDP);
  node.packet(socket);
  await node.apply(udpTo("10.0.0.2:53", "10.0.0.1:53"), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.1:53");
  await node.apply(udpTo("10.0.0.2:53"), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.2:53");
});

test("iptables: the port of a UDP endpoint counts as well as its address", async () => {
  const node = await nodeWith(udpTo("10.0.0.1:53"));
  const socket = flow(client, dns, UDP);
  node.packet(socket);
  await node.apply(udpTo("10.0.0.1:5353"), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.1:5353");
});

test("iptables: while its service has no endpoint at all, a UDP flow is left alone", async () => {
  const node = await nodeWith(udpTo("10.0.0.1:53"));
  const socket = flow(client, dns, UDP);
  node.packet(socket);
  await node.apply(iptables({ "filter/FORWARD": [rule({ kind: "reject" })] }), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.1:53");
  await node.apply(udpTo("10.0.0.2:53"), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.2:53");
});

test("iptables: a UDP client that no rule met is led to the service once it is there; TCP is not", async () => {
  const node = await nodeWith(iptables({}));
  assert.deepEqual([said(node.packet(flow(client, dns, UDP))), said(node.packet(flow(client, dns)))], ["pass", "pass"]);
  const both = iptables({ "nat/PREROUTING": [...dispatch(["10.0.0.1:53"]), rule(dnat("10.0.0.9:53"))] });
  await node.apply(both, plan());
  assert.equal(said(node.packet(flow(client, dns, UDP))), "10.0.0.1:53");
  assert.equal(said(node.packet(flow(client, dns))), "pass");
});

test("ipvs: the flows of a removed UDP server are decided anew, also when it was the last one", async () => {
  const at = (...servers: readonly string[]): Program => ipvs({ [dns]: servers }, { proto: UDP });
  const node = await nodeWith(at("10.0.0.1:53"));
  const socket = flow(client, dns, UDP);
  node.packet(socket);
  await node.apply(at("10.0.0.1:53", "10.0.0.2:53"), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.1:53");
  await node.apply(at(), plan());
  assert.equal(said(node.packet(socket)), "reject");
});

test("userspace: a UDP client keeps its socket until it is idle, or the service is gone", async () => {
  const node = await nodeWith(userspace({ [dns]: ["10.0.0.1:53"] }, { proto: UDP }));
  const socket = flow(client, dns, UDP);
  node.packet(socket);
  await node.apply(userspace({ [dns]: ["10.0.0.2:53"] }, { proto: UDP }), plan());
  assert.equal(said(node.packet(socket)), "10.0.0.1:53 m");
  await node.apply(userspace({}), plan());
  assert.equal(said(node.packet(socket)), "pass");
});

test("iptables affinity is lost with the rules that name its list, and outlives an apply that keeps them", async () => {
  const set: Match = { kind: "recent-set", list: "KUBE-SEP-A" };
  const check: Match = { kind: "recent-check", list: "KUBE-SEP-A", seconds: 100 };
  const fresh: Match = { kind: "destination", range: { base: addr(web).ip, bits: 32 } };
  const affine = iptables({
    "nat/PREROUTING": [rule(dnat("10.0.0.1:80"), check), rule(dnat("10.0.0.2:80"), fresh, set)],
  });
  const node = await nodeWith(affine);
  assert.deepEqual([node.open(client, web), node.open(client, web)], ["10.0.0.2:80", "10.0.0.1:80"]);
  await node.apply(affine, plan());
  assert.equal(node.open(client, web), "10.0.0.1:80");
  await node.apply(iptables({}), plan());
  await node.apply(affine, plan());
  assert.equal(node.open(client, web), "10.0.0.2:80");
});

test("ipvs persistence and userspace affinity end when their time is over, from the last connection on", async () => {
  const at = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  // In IPVS the time of a client with connections begins anew; SYNs that nobody answers are forgotten after 60 s.
  for (const [program, seconds] of [
    [ipvs({ [web]: at }, { persistenceSeconds: 70 }), 70],
    // A service that comes with its endpoints: 3 hours, whatever it says.
    [userspace({ [web]: at }, { affinitySeconds: 10 }), 10_800],
  ] as const) {
    const node = await nodeWith(program);
    const first = node.open(client, web);
    assert.notEqual(node.open("192.168.10.101", web), first, "another client has its own");
    for (let again = 0; again < 3; again += 1) {
      node.clock.advance(seconds * 1000 - 1);
      assert.equal(node.open(client, web), first);
    }
    node.clock.advance(seconds * 1000);
    assert.notEqual(node.open(client, web), first, program.mode);
  }
});

test("ipvs persistence outlives its time while the client has connections", async () => {
  const at = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  const node = await nodeWith(ipvs({ [web]: at }, { persistenceSeconds: 10 }));
  const first = node.open(client, web);
  node.clock.advance(59_999);
  assert.equal(node.open(client, web), first);
});

const traced: Readonly<Record<string, Program>> = {
  ipvs: ipvs({ [web]: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] }, { persistenceSeconds: 10 }),
  userspace: userspace({ [web]: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"] }, { affinitySeconds: 10 }),
  iptables: iptables({
    "nat/PREROUTING": [
      rule(dnat("10.0.0.1:80"), { kind: "recent-check", list: "A", seconds: 10 }),
      rule(dnat("10.0.0.1:80"), { kind: "statistic-random", threshold: 2 ** 30 }, { kind: "recent-set", list: "A" }),
      rule(dnat("10.0.0.2:80")),
    ],
  }),
};

for (const [mode, program] of Object.entries(traced)) {
  test(`a trace leaves nothing behind: ${mode}`, async () => {
    const clients = Array.from({ length: 30 }, (_, index) => `192.168.10.${100 + (index % 20)}`);
    const plain = await nodeWith(program);
    const watched = await nodeWith(program);
    for (const [index, from] of clients.entries()) {
      watched.trace(flow(`${clients[(index * 7) % 30]}:1`, web));
      assert.equal(watched.open(from, web), plain.open(from, web), `client ${index}`);
      watched.trace(flow(`${from}:1`, web), seededRandom(index));
    }
    assert.deepEqual(watched.flows().length, plain.flows().length);
    assert.deepEqual(watched.servers("10.96.0.1:80/TCP"), plain.servers("10.96.0.1:80/TCP"));
  });
}

test("a trace says what the next new flow would meet", async () => {
  const node = await nodeWith(ipvs({ [web]: ["10.0.0.1:80", "10.0.0.2:80"] }));
  node.open(client, web);
  const { decision, steps } = node.trace(flow("192.168.10.101", web));
  assert.equal(said(decision), "10.0.0.1:80");
  assert.deepEqual(
    steps.map(({ rule: text, matched, effect }) => [text, matched, effect]),
    [
      ["-A -t 10.96.0.1:80 -s rr", true, "choose a server"],
      ["-a -t 10.96.0.1:80 -r 10.0.0.2:80 -m -w 1", false, "weight 1, active 1, inactive 0"],
      ["-a -t 10.96.0.1:80 -r 10.0.0.1:80 -m -w 1", true, "chosen: weight 1, active 0, inactive 0"],
    ],
  );
  assert.equal(node.open("192.168.10.101", web), "10.0.0.1:80");
});

test("before anything is applied every packet passes, and a trace meets nothing", () => {
  const node = createEmulated({ random: seededRandom(1), clock: manualClock() });
  assert.deepEqual(node.packet(flow(client, web)), { verdict: "pass", steps: 0 });
  assert.deepEqual(node.trace(flow(client, web)), { decision: { verdict: "pass", steps: 0 }, steps: [] });
  assert.equal(node.servers("10.96.0.1:80/TCP"), undefined);
});

test("the same seed makes the same decisions again, in every mode", async () => {
  for (const program of Object.values(traced)) {
    const decisions = async (): Promise<string[]> => {
      const node = await nodeWith(program, { random: seededRandom(9) });
      return Array.from({ length: 100 }, (_, index) => node.open(`192.168.11.${index}`, web));
    };
    assert.deepEqual(await decisions(), await decisions());
  }
});
