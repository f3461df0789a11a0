/** How long flows are known, by the states that their packets lead to. */
import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { type Conntrack, createConntrack } from "../../../src/dataplane/emulated/conntrack.ts";
import {
  conntrackRules,
  type FlowRules,
  type FlowState,
  type PacketKind,
  userspaceRules,
} from "../../../src/dataplane/emulated/flow-states.ts";
import { type Flow, type Protocol, SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";
import { addr, flow } from "./literals.ts";

const test = suite("emulated conntrack");

interface Case {
  readonly packets: readonly PacketKind[];
  readonly state: FlowState;
  readonly seconds: number;
}

const open = ["reply", "request"] as const;

/** After the first packet and these; timeouts as `sysctl net.netfilter` shows them on a fresh Linux. */
const tcp: readonly Case[] = [
  { packets: [], state: "SYN_SENT", seconds: 120 },
  { packets: ["open"], state: "SYN_SENT", seconds: 120 },
  { packets: ["reply"], state: "SYN_RECV", seconds: 60 },
  { packets: ["reply", "reply"], state: "SYN_RECV", seconds: 60 },
  { packets: [...open], state: "ESTABLISHED", seconds: 432_000 },
  { packets: [...open, "request", "reply"], state: "ESTABLISHED", seconds: 432_000 },
  { packets: [...open, "open"], state: "ESTABLISHED", seconds: 432_000 },
  { packets: [...open, "client-fin"], state: "FIN_WAIT", seconds: 120 },
  { packets: [...open, "server-fin"], state: "FIN_WAIT", seconds: 120 },
  { packets: ["reply", "client-fin"], state: "FIN_WAIT", seconds: 120 },
  { packets: [...open, "client-fin", "reply"], state: "CLOSE_WAIT", seconds: 60 },
  { packets: [...open, "server-fin", "request", "request"], state: "CLOSE_WAIT", seconds: 60 },
  { packets: [...open, "client-fin", "server-fin"], state: "LAST_ACK", seconds: 30 },
  { packets: [...open, "client-fin", "reply", "server-fin"], state: "LAST_ACK", seconds: 30 },
  { packets: [...open, "client-fin", "reply", "server-fin", "request"], state: "TIME_WAIT", seconds: 120 },
  { packets: [...open, "client-fin", "reply", "server-fin", "request", "request"], state: "TIME_WAIT", seconds: 120 },
  { packets: ["server-rst"], state: "CLOSE", seconds: 10 },
  { packets: [...open, "client-rst"], state: "CLOSE", seconds: 10 },
  { packets: [...open, "client-fin", "server-rst"], state: "CLOSE", seconds: 10 },
];

const others: readonly (Case & { readonly proto: Protocol; readonly rules: FlowRules })[] = [
  { proto: UDP, rules: conntrackRules(), packets: [], state: "UDP", seconds: 30 },
  { proto: UDP, rules: conntrackRules(), packets: ["reply", "request"], state: "UDP", seconds: 30 },
  { proto: SCTP, rules: conntrackRules(), packets: ["reply"], state: "SCTP", seconds: 210 },
  { proto: UDP, rules: userspaceRules(), packets: ["reply"], state: "UDP", seconds: 0.25 },
];

interface Tried {
  readonly conntrack: Conntrack;
  readonly tried: Flow;
  readonly clock: ReturnType<typeof manualClock>;
  readonly calls: string[];
}

/** A flow that is counted in slot 3 of a pool that writes down what it is told. */
function opened(rules: FlowRules, proto: Protocol = TCP): Tried {
  const clock = manualClock();
  const conntrack = createConntrack(clock);
  const tried = flow("10.244.1.9:5000", "10.96.0.10:80", proto);
  const calls: string[] = [];
  const pool = {
    wentInactive: (slot: number) => calls.push(`inactive ${slot}`),
    forgotten: (slot: number) => calls.push(`forgotten ${slot}`),
  };
  const counted = { pool: pool as never, slot: 3 };
  conntrack.open(tried, { verdict: "forward", to: addr("10.0.0.1:80"), masquerade: false, steps: 1, counted }, rules);
  return { conntrack, tried, clock, calls };
}

function assertCase(rules: FlowRules, { packets, state, seconds }: Case, proto: Protocol = TCP): void {
  const { conntrack, tried, clock } = opened(rules, proto);
  for (const packet of packets) conntrack.see(conntrack.find(tried)!, packet);
  const what = packets.join(" ");
  assert.equal(conntrack.find(tried)!.state, state, what);
  clock.advance(seconds * 1000 - 1);
  conntrack.expire();
  assert.ok(conntrack.find(tried), `${what}: known until its time is over`);
  clock.advance(1);
  conntrack.expire();
  assert.equal(conntrack.find(tried), undefined, `${what}: forgotten after ${seconds} s`);
}

test("TCP as nf_conntrack follows it", () => {
  for (const one of tcp) assertCase(conntrackRules(), one);
});

test("UDP and SCTP", () => {
  for (const one of others) assertCase(one.rules, one, one.proto);
});

test("UDP is a stream once it goes on after an answer, two seconds from its start", () => {
  const { conntrack, tried, clock } = opened(conntrackRules(), UDP);
  const see = (packet: PacketKind): FlowState => {
    conntrack.see(conntrack.find(tried)!, packet);
    return conntrack.find(tried)!.state;
  };
  clock.advance(1000);
  assert.equal(see("reply"), "UDP");
  clock.advance(1000);
  assert.equal(see("request"), "UDP", "two seconds are not more than two seconds");
  clock.advance(1);
  assert.equal(see("request"), "UDP_STREAM");
  clock.advance(119_999);
  conntrack.expire();
  assert.ok(conntrack.find(tried));
  clock.advance(1);
  conntrack.expire();
  assert.equal(conntrack.find(tried), undefined);
});

test("UDP that nobody answers is never a stream", () => {
  const { conntrack, tried, clock } = opened(conntrackRules(), UDP);
  for (let second = 0; second < 10; second += 1) {
    clock.advance(1000);
    conntrack.see(conntrack.find(tried)!, "request");
  }
  assert.equal(conntrack.find(tried)!.state, "UDP");
});

test("the first answer makes no stream, however late: the kernel sees it as the one before", () => {
  const { conntrack, tried, clock } = opened(conntrackRules(), UDP);
  clock.advance(5000);
  conntrack.see(conntrack.find(tried)!, "reply");
  assert.equal(conntrack.find(tried)!.state, "UDP");
});

test("every packet restarts the time", () => {
  const { conntrack, tried, clock } = opened(conntrackRules(), UDP);
  for (let again = 0; again < 5; again += 1) {
    clock.advance(29_999);
    conntrack.expire();
    conntrack.see(conntrack.find(tried)!, "request");
  }
  assert.ok(conntrack.find(tried));
});

test("the pool is told of the first FIN or RST once, and of the end", () => {
  const closing = ["reply", "request", "client-fin", "reply", "server-fin", "request"] as const;
  const { conntrack, tried, clock, calls } = opened(conntrackRules());
  const told = closing.map((packet) => {
    conntrack.see(conntrack.find(tried)!, packet);
    return calls.length;
  });
  assert.deepEqual(told, [0, 0, 1, 1, 1, 1]);
  clock.advance(120_000);
  conntrack.expire();
  assert.deepEqual(calls, ["inactive 3", "forgotten 3"]);
});

test("an open connection whose time is over goes inactive and is forgotten", () => {
  const { conntrack, clock, calls } = opened(conntrackRules());
  clock.advance(120_000);
  conntrack.expire();
  assert.deepEqual(calls, ["inactive 3", "forgotten 3"]);
});

test("UDP was inactive from the start, and is only forgotten", () => {
  const { conntrack, tried, calls } = opened(conntrackRules(), UDP);
  conntrack.forget(conntrack.find(tried)!);
  assert.deepEqual(calls, ["forgotten 3"]);
});

test("forgetting twice tells the pool once", () => {
  const { conntrack, tried, calls } = opened(conntrackRules());
  const known = conntrack.find(tried)!;
  conntrack.forget(known);
  conntrack.forget(known);
  assert.deepEqual(calls, ["inactive 3", "forgotten 3"]);
});

test("the userspace proxy closes both connections when either side closes, and waits for ever until then", () => {
  for (const packet of ["client-fin", "server-fin", "client-rst", "server-rst"] as const) {
    const { conntrack, tried, clock, calls } = opened(userspaceRules());
    clock.advance(1e12);
    conntrack.expire();
    conntrack.see(conntrack.find(tried)!, "request");
    conntrack.see(conntrack.find(tried)!, packet);
    assert.equal(conntrack.find(tried), undefined, packet);
    assert.deepEqual(calls, ["inactive 3", "forgotten 3"]);
  }
});

test("time-outs can be set one by one", () => {
  const { conntrack, tried, clock } = opened(conntrackRules({ SYN_SENT: 5 }));
  clock.advance(5);
  conntrack.expire();
  assert.equal(conntrack.find(tried), undefined);
});

test("flows with different time-outs expire each in its time", () => {
  const clock = manualClock();
  const conntrack = createConntrack(clock);
  const kept = ([UDP, TCP, SCTP] as const).map((proto, index) => {
    const one = flow(`10.244.1.9:${5000 + index}`, "10.96.0.10:80", proto);
    conntrack.open(one, { verdict: "pass", steps: 1 }, conntrackRules());
    clock.advance(10);
    return one;
  });
  const known = (): boolean[] => {
    conntrack.expire();
    return kept.map((one) => conntrack.find(one) !== undefined);
  };
  clock.advance(30_000 - 30);
  assert.deepEqual(known(), [false, true, true]);
  clock.advance(90_010);
  assert.deepEqual(known(), [false, false, true]);
  clock.advance(90_010);
  assert.deepEqual(known(), [false, false, false]);
});

test("flows are told apart by protocol, addresses and ports", () => {
  const conntrack = createConntrack(manualClock());
  const different = [
    flow("10.244.1.9:5000", "10.96.0.10:80"),
    flow("10.244.1.9:5000", "10.96.0.10:80", UDP),
    flow("10.244.1.9:5001", "10.96.0.10:80"),
    flow("10.244.1.8:5000", "10.96.0.10:80"),
    flow("10.244.1.9:5000", "10.96.0.10:81"),
    flow("10.244.1.9:5000", "10.96.0.11:80"),
    flow("[fd00::9]:5000", "[fd00::a]:80"),
  ];
  for (const one of different) conntrack.open(one, { verdict: "pass", steps: 0 }, conntrackRules());
  assert.deepEqual(
    conntrack.flows().map((known) => known.flow),
    different,
  );
});
