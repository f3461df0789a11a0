/** How long connections stay in the table, and what they count as, by the states that their packets lead to. */
import assert from "node:assert/strict";
import { isActive, type PacketKind } from "../../../../src/dataplane/emulated/flow-states.ts";
import type { IpvsState } from "../../../../src/dataplane/emulated/ipvs/states.ts";
import { type Protocol, SCTP, TCP, UDP } from "../../../../src/net/flow.ts";
import { suite } from "../../../support/suite.ts";
import { flowOf, Trial } from "./trial.ts";

const test = suite("states of IPVS connections");

interface Case {
  readonly packets: readonly PacketKind[];
  readonly state: IpvsState;
  readonly seconds: number;
}

const open = ["reply", "request"] as const;

/** After the SYN and these. */
const tcp: readonly Case[] = [
  { packets: [], state: "SYN_RECV", seconds: 60 },
  { packets: ["open"], state: "SYN_RECV", seconds: 60 },
  { packets: ["reply"], state: "SYN_RECV", seconds: 60 },
  { packets: [...open], state: "ESTABLISHED", seconds: 900 },
  { packets: [...open, "request", "reply"], state: "ESTABLISHED", seconds: 900 },
  { packets: [...open, "open"], state: "ESTABLISHED", seconds: 900 },
  { packets: [...open, "server-fin"], state: "FIN_WAIT", seconds: 120 },
  { packets: [...open, "server-fin", "request", "reply"], state: "FIN_WAIT", seconds: 120 },
  { packets: [...open, "client-fin"], state: "CLOSE_WAIT", seconds: 60 },
  { packets: [...open, "client-fin", "reply", "client-fin"], state: "CLOSE_WAIT", seconds: 60 },
  { packets: [...open, "client-fin", "server-fin"], state: "TIME_WAIT", seconds: 120 },
  { packets: [...open, "server-fin", "client-fin"], state: "TIME_WAIT", seconds: 120 },
  { packets: ["server-fin"], state: "TIME_WAIT", seconds: 120 },
  { packets: ["client-fin"], state: "TIME_WAIT", seconds: 120 },
  { packets: ["server-rst"], state: "CLOSE", seconds: 10 },
  { packets: ["client-rst"], state: "SYN_RECV", seconds: 60 },
  { packets: [...open, "client-rst"], state: "CLOSE", seconds: 10 },
  { packets: [...open, "server-rst"], state: "CLOSE", seconds: 10 },
  { packets: [...open, "server-fin", "client-rst"], state: "CLOSE", seconds: 10 },
  { packets: [...open, "client-fin", "server-fin", "server-rst"], state: "TIME_WAIT", seconds: 120 },
  { packets: [...open, "client-fin", "server-fin", "client-rst"], state: "CLOSE", seconds: 10 },
];

/** Of a closing connection that is not scheduled again. */
const reopened: readonly Case[] = (
  [["server-fin"], ["client-fin"], ["client-fin", "server-fin"], ["client-rst"]] as const
).flatMap((closing): Case[] => [
  { packets: [...open, ...closing, "open"], state: "SYN_RECV", seconds: 60 },
  { packets: [...open, ...closing, "open", ...open], state: "ESTABLISHED", seconds: 900 },
]);

const others: readonly (Case & { readonly proto: Protocol })[] = [
  { proto: UDP, packets: [], state: "UDP", seconds: 300 },
  { proto: UDP, packets: ["reply", "request", "open"], state: "UDP", seconds: 300 },
  { proto: SCTP, packets: ["reply"], state: "SCTP", seconds: 900 },
];

function assertCase({ packets, state, seconds }: Case, proto: Protocol = TCP): void {
  const trial = new Trial({}, { sysctls: { reuseConnections: false } }).servers(1);
  const flow = flowOf("10.1.1.1", 5000, proto);
  for (const kind of ["open", ...packets] as const) assert.equal(trial.send(flow, kind), 1);
  const what = `${proto}: ${packets.join(" ")}`;
  assert.equal(trial.ipvs.find(flow)!.state, state, what);
  assert.deepEqual(trial.counts(), [isActive(state) ? [1, 1, 0] : [1, 0, 1]], what);
  trial.clock.advance(seconds * 1000 - 1);
  assert.ok(trial.ipvs.find(flow), `${what}: in the table until its time is over`);
  trial.clock.advance(1);
  assert.equal(trial.ipvs.find(flow), undefined, `${what}: gone after ${seconds} s`);
  assert.deepEqual(trial.counts(), [[1, 0, 0]], what);
}

test("TCP: active until the first FIN or RST, inactive until its time is over", () => {
  for (const one of tcp) assertCase(one);
});

test("a SYN on a closing connection makes it active again where it is", () => {
  for (const one of reopened) assertCase(one);
});

test("UDP and SCTP are inactive from the start", () => {
  for (const one of others) assertCase(one, one.proto);
});

test("--set changes the time-outs of ESTABLISHED, FIN_WAIT and UDP, and no other", () => {
  const timeoutsMs = { ESTABLISHED: 5000, FIN_WAIT: 1000, UDP: 2000 };
  for (const [packets, proto, ms] of [
    [[...open], TCP, 5000],
    [[...open, "server-fin"], TCP, 1000],
    [[...open, "client-fin"], TCP, 60_000],
    [[...open, "client-rst"], TCP, 10_000],
    [["reply"], UDP, 2000],
  ] as const) {
    const trial = new Trial({}, { timeoutsMs }).servers(1);
    const flow = flowOf("10.1.1.1", 5000, proto);
    for (const kind of ["open", ...packets] as const) trial.send(flow, kind);
    trial.clock.advance(ms - 1);
    assert.ok(trial.ipvs.find(flow));
    trial.clock.advance(1);
    assert.equal(trial.ipvs.find(flow), undefined, `${packets.join(" ")} ${ms}`);
  }
});

test("every packet that passes starts the time anew", () => {
  const trial = new Trial().servers(1);
  const flow = flowOf("10.1.1.1", 5000, UDP);
  trial.send(flow);
  for (const kind of ["request", "reply", "open"] as const) {
    trial.clock.advance(299_999);
    assert.equal(trial.send(flow, kind), 1);
  }
  assert.deepEqual(trial.counts(), [[1, 0, 1]]);
});

test("what opens nothing and belongs to nothing is no packet of IPVS", () => {
  const trial = new Trial().servers(1);
  for (const kind of ["request", "reply", "client-fin", "server-fin", "client-rst", "server-rst"] as const) {
    assert.equal(trial.send(flowOf("10.1.1.1", 5000), kind), "pass", kind);
  }
  assert.equal(trial.send(flowOf("10.1.1.1", 5000, UDP), "request"), 1, "of UDP any datagram opens");
});

test("without a usable server a flow is rejected and leaves nothing behind", () => {
  const trial = new Trial().servers(1);
  trial.edit(1, { weight: 0 });
  assert.equal(trial.open("10.1.1.1"), "reject");
  assert.deepEqual(trial.ipvs.connections(), []);
});

test("connections are listed in the order in which they were opened, one that was opened anew at the end", () => {
  const trial = new Trial().servers(1);
  const ports = (): number[] => trial.ipvs.connections().map(({ flow }) => flow.srcPort);
  for (const port of [5, 6, 7]) trial.send(flowOf("10.1.1.1", port));
  assert.deepEqual(ports(), [5, 6, 7]);
  trial.send(flowOf("10.1.1.1", 5), "server-rst");
  trial.send(flowOf("10.1.1.1", 5));
  assert.deepEqual(ports(), [6, 7, 5]);
});
