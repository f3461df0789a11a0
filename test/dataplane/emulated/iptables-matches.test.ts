import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { isSluiceError } from "../../../src/core/errors.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createEmulated } from "../../../src/dataplane/emulated/emulated.ts";
import type { ConntrackState, Match } from "../../../src/modes/iptables/ruleset.ts";
import { inCidr, parseCidr } from "../../../src/net/cidr.ts";
import { SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import type { Ip } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";
import { dnat, flow, iptables, nodeWith, plan, rule, said, scriptedRandom } from "./literals.ts";

const test = suite("emulated iptables: conditions");

const pod = "10.244.1.9";
const web = "10.96.0.10:80";

interface Case {
  readonly match: Match;
  readonly holds: readonly string[];
  readonly fails: readonly string[];
}

/** Flows as `from to` or `from to udp`; the node is 192.168.10.5, what comes from 10.244.… comes in by veth1. */
const cases: readonly Case[] = [
  {
    match: { kind: "source", range: parseCidr("10.244.0.0/16") },
    holds: [`${pod} ${web}`],
    fails: [`10.245.0.1 ${web}`, `192.168.10.100 ${web}`],
  },
  {
    match: { kind: "destination", range: parseCidr("10.96.0.0/12") },
    holds: [`${pod} ${web}`, `${pod} 10.111.255.255:1`],
    fails: [`${pod} 10.112.0.0:80`],
  },
  { match: { kind: "destination", range: parseCidr("0.0.0.0/0") }, holds: [`${pod} ${web}`], fails: [] },
  {
    match: { kind: "destination", range: parseCidr("10.96.0.10/32") },
    holds: [`${pod} ${web}`],
    fails: [`${pod} 10.96.0.11:80`],
  },
  {
    match: { kind: "in-interface", name: "veth1" },
    holds: [`${pod} ${web}`],
    fails: [`192.168.10.100 ${web}`, `127.0.0.1 ${web}`],
  },
  { match: { kind: "in-interface", name: "veth+" }, holds: [`${pod} ${web}`], fails: [`192.168.10.100 ${web}`] },
  { match: { kind: "out-interface", name: "eth0" }, holds: [], fails: [`${pod} ${web}`] },
  { match: { kind: "protocol", proto: UDP }, holds: [`${pod} ${web} udp`], fails: [`${pod} ${web}`] },
  { match: { kind: "protocol-module", proto: TCP }, holds: [`${pod} ${web}`], fails: [`${pod} ${web} udp`] },
  {
    match: { kind: "destination-port", proto: TCP, port: 80 },
    holds: [`${pod} ${web}`],
    fails: [`${pod} 10.96.0.10:81`, `${pod} ${web} udp`],
  },
  { match: { kind: "comment", text: "default/web" }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "nfacct", counter: "packets" }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "mark", value: 0, mask: 0x4000 }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "mark", value: 0x4000, mask: 0x4000 }, holds: [], fails: [`${pod} ${web}`] },
  { match: { kind: "conntrack-state", states: ["NEW"] }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "conntrack-state", states: ["ESTABLISHED", "DNAT"] }, holds: [], fails: [`${pod} ${web}`] },
  { match: { kind: "state", states: ["NEW"] }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "state", states: ["RELATED"] }, holds: [], fails: [`${pod} ${web}`] },
  {
    match: { kind: "source-type", type: "LOCAL" },
    holds: [`192.168.10.5 ${web}`, `127.0.0.1 ${web}`],
    fails: [`${pod} ${web}`],
  },
  {
    match: { kind: "destination-type", type: "LOCAL" },
    holds: [`${pod} 192.168.10.5:80`, `192.168.10.5 127.0.0.9:80`],
    fails: [`${pod} 192.168.10.6:80`],
  },
  { match: { kind: "statistic-random", threshold: 2 ** 31 }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "statistic-random", threshold: 0 }, holds: [], fails: [`${pod} ${web}`] },
  { match: { kind: "recent-set", list: "seen" }, holds: [`${pod} ${web}`], fails: [] },
  { match: { kind: "recent-check", list: "seen", seconds: 10 }, holds: [], fails: [`${pod} ${web}`] },
  { match: { kind: "physdev-is-in" }, holds: [], fails: [`${pod} ${web}`] },
  {
    match: { kind: "ipvs", vaddr: parseCidr("10.96.0.10/32"), proto: TCP, port: 80 },
    holds: [],
    fails: [`${pod} ${web}`],
  },
];

const pods = parseCidr("10.244.0.0/16");
const interfaceOf = (source: Ip): string => (inCidr(source, pods) ? "veth1" : "eth0");

/** Whether a flow is rewritten by the one rule that there is, on its way in or out. */
async function meets(match: Match, text: string): Promise<boolean> {
  const [from, to, proto] = text.split(" ") as [string, string, string?];
  const rules = [rule(dnat("10.0.0.1:1"), match)];
  const node = await nodeWith(iptables({ "nat/PREROUTING": rules, "nat/OUTPUT": rules }), { interfaceOf });
  return said(node.packet(flow(from, to, proto === "udp" ? UDP : TCP))) === "10.0.0.1:1";
}

for (const [index, { match, holds, fails }] of cases.entries()) {
  test(`${index}: ${match.kind} holds and fails as in the kernel`, async () => {
    for (const text of holds) assert.equal(await meets(match, text), true, text);
    for (const text of fails) assert.equal(await meets(match, text), false, text);
  });
}

/** Conditions that iptables lets stand behind `!`. */
const invertible: ReadonlySet<Match["kind"]> = new Set([
  "source",
  "destination",
  "in-interface",
  "out-interface",
  "protocol",
  "destination-port",
  "mark",
  "conntrack-state",
  "state",
  "source-type",
  "destination-type",
  "physdev-is-in",
]);

test("`!` turns a condition round", async () => {
  const turned = cases.filter(({ match }) => invertible.has(match.kind));
  assert.equal(new Set(turned.map(({ match }) => match.kind)).size, invertible.size);
  for (const { match, holds, fails } of turned) {
    const not = { ...match, not: true } as Match;
    for (const text of holds) assert.equal(await meets(not, text), false, `! ${match.kind}: ${text}`);
    for (const text of fails) assert.equal(await meets(not, text), true, `! ${match.kind}: ${text}`);
  }
});

test("the kernel compares 31 random bits: below the threshold holds", async () => {
  const half = [rule(dnat("10.0.0.1:1"), { kind: "statistic-random", threshold: 2 ** 30 })];
  const draws: readonly [number, string][] = [
    [0, "10.0.0.1:1"],
    [2 ** 30 - 1, "10.0.0.1:1"],
    [2 ** 30, "pass"],
    [2 ** 31 - 1, "pass"],
    // The highest bit is not looked at.
    [2 ** 31, "10.0.0.1:1"],
    [2 ** 31 + 2 ** 30, "pass"],
  ];
  for (const [draw, expected] of draws) {
    const node = await nodeWith(iptables({ "nat/PREROUTING": half }), { random: scriptedRandom(draw) });
    assert.equal(node.open(pod, web), expected, `draw ${draw}`);
  }
});

test("conditions behind one that fails are not looked at: they draw nothing and remember nobody", async () => {
  let draws = 0;
  const random = { u32: () => (draws += 1), below: () => 0 };
  const never: Match = { kind: "destination-port", proto: UDP, port: 53 };
  const node = await nodeWith(
    iptables({
      "nat/PREROUTING": [
        rule(
          { kind: "accept" },
          never,
          { kind: "statistic-random", threshold: 1 },
          { kind: "recent-set", list: "seen" },
        ),
        rule(dnat("10.0.0.1:1"), { kind: "recent-check", list: "seen", seconds: 10 }),
      ],
    }),
    { random },
  );
  assert.equal(node.open(pod, web), "pass");
  assert.equal(draws, 0);
});

test("a port behind `-m recent --set` is looked at after it: the source is remembered all the same", async () => {
  const set: Match = { kind: "recent-set", list: "seen" };
  const port: Match = { kind: "destination-port", proto: TCP, port: 9999 };
  const tcp: Match = { kind: "protocol", proto: TCP };
  const node = await nodeWith(
    iptables({
      "nat/PREROUTING": [
        rule({ kind: "accept" }, tcp, set, port),
        rule(dnat("10.0.0.1:1"), { kind: "recent-check", list: "seen", seconds: 10 }),
      ],
    }),
  );
  assert.equal(node.open(pod, web), "10.0.0.1:1");
});

test("conntrack calls a flow DNAT once its destination was rewritten, and SNAT once its source was", async () => {
  const states = (...all: readonly ConntrackState[]): Match => ({ kind: "conntrack-state", states: all });
  const drop = { kind: "drop" } as const;
  const rewritten = { "nat/PREROUTING": [rule(dnat("10.0.0.1:1"))] };
  const inForward = async (...all: readonly ConntrackState[]): Promise<string> =>
    (await nodeWith(iptables({ ...rewritten, "filter/FORWARD": [rule(drop, states(...all))] }))).open(pod, web);
  assert.equal(await inForward("DNAT"), "drop");
  assert.equal(await inForward("SNAT"), "10.0.0.1:1");
  const behindSnat = {
    "nat/POSTROUTING": [rule({ kind: "masquerade", randomFully: false })],
    "filter/INPUT": [rule(drop, states("SNAT"))],
  };
  assert.equal((await nodeWith(iptables(behindSnat))).open("192.168.10.5", "127.0.0.1:80"), "drop");
});

test("the old `-m state` knows no DNAT", async () => {
  const node = await nodeWith(
    iptables({
      "nat/PREROUTING": [rule(dnat("10.0.0.1:1"))],
      "filter/FORWARD": [rule({ kind: "drop" }, { kind: "state", states: ["DNAT"] })],
    }),
  );
  assert.equal(node.open(pod, web), "10.0.0.1:1");
});

test("a rule that names a set is refused when it is applied, as by a kernel that has no such set", async () => {
  const node = createEmulated({ random: seededRandom(1), clock: manualClock() });
  const set: Match = { kind: "set", set: "KUBE-CLUSTER-IP", dimensions: ["dst", "dst"] };
  await assert.rejects(
    node.apply(iptables({ "nat/PREROUTING": [rule({ kind: "accept" }, set)] }), plan()),
    (error) => isSluiceError(error, "DATAPLANE_FAILED") && error.message.includes("KUBE-CLUSTER-IP"),
  );
});

test("SCTP is a protocol like the others", async () => {
  const match: Match = { kind: "destination-port", proto: SCTP, port: 80 };
  const node = await nodeWith(iptables({ "nat/PREROUTING": [rule(dnat("10.0.0.1:1"), match)] }));
  assert.equal(node.open(pod, web, SCTP), "10.0.0.1:1");
  assert.equal(node.open(pod, web, TCP), "pass");
});
