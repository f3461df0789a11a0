import assert from "node:assert/strict";
import { UDP } from "../../../../src/net/flow.ts";
import type { PacketKind } from "../../../../src/dataplane/emulated/flow-states.ts";
import { suite } from "../../../support/suite.ts";
import { flowOf, Trial } from "./trial.ts";

const test = suite("a SYN on an IPVS connection");

const flow = flowOf("10.1.1.1", 5000);
const over: readonly (readonly PacketKind[])[] = [["server-rst"], ["request", "client-fin", "server-fin"]];
const notOver: readonly (readonly PacketKind[])[] = [
  [],
  ["request"],
  ["request", "client-fin"],
  ["request", "server-fin"],
];

/** @returns which servers took the first SYN and the second. */
function twice(trial: Trial, between: readonly PacketKind[]): readonly unknown[] {
  const first = trial.send(flow);
  for (const kind of between) trial.send(flow, kind);
  return [first, trial.send(flow)];
}

test("is scheduled again when that is over, and goes where it went before when it is not", () => {
  for (const between of over) assert.deepEqual(twice(new Trial().servers(1, 2, 3), between), [3, 2]);
  for (const between of notOver) assert.deepEqual(twice(new Trial().servers(1, 2, 3), between), [3, 3]);
});

test("conn_reuse_mode 0: always goes where it went before, and does not move the scheduler", () => {
  for (const between of [...over, ...notOver]) {
    const trial = new Trial({}, { sysctls: { reuseConnections: false } }).servers(1, 2, 3);
    assert.deepEqual(twice(trial, between), [3, 3]);
    assert.equal(trial.open("10.1.1.2"), 2);
    assert.deepEqual(trial.counts()[0], [3, 1, 0]);
  }
});

test("expire_nodest_conn: is scheduled again when the server's weight is 0, whatever the state and conn_reuse_mode", () => {
  for (const reuseConnections of [true, false]) {
    for (const between of [...over, ...notOver]) {
      const trial = new Trial({}, { sysctls: { reuseConnections, expireNodestConn: true } }).servers(1, 2, 3);
      assert.equal(trial.send(flow), 3);
      for (const kind of between) trial.send(flow, kind);
      trial.edit(3, { weight: 0 });
      assert.equal(trial.send(flow), 2);
      assert.deepEqual(trial.counts()[0], [3, 0, 0], "the old connection is gone");
    }
  }
});

test("without expire_nodest_conn weight 0 changes nothing for a connection that is there", () => {
  const trial = new Trial({}, { sysctls: { reuseConnections: false } }).servers(1, 2, 3);
  assert.equal(trial.send(flow), 3);
  trial.send(flow, "server-rst");
  trial.edit(3, { weight: 0 });
  assert.equal(trial.send(flow), 3);
});

test("the old connection is still counted while the new one is scheduled", () => {
  const trial = new Trial({ scheduler: "lc" }).servers(1, 2);
  assert.equal(trial.send(flow), 2);
  trial.send(flow, "server-rst");
  // Were it forgotten first, server 2 would be idle and come first.
  assert.equal(trial.send(flow), 1);
  assert.deepEqual(trial.counts(), [
    [2, 0, 0],
    [1, 1, 0],
  ]);
});

test("the old connection is gone, too, when nobody takes the new one", () => {
  const trial = new Trial().servers(1);
  trial.send(flow);
  trial.send(flow, "server-rst");
  trial.edit(1, { weight: 0 });
  assert.equal(trial.send(flow), "reject");
  assert.deepEqual(trial.counts(), [[1, 0, 0]]);
});

test("of UDP there is none: a datagram goes where the one before went", () => {
  const trial = new Trial({}, { sysctls: { expireNodestConn: true } }).servers(1, 2, 3);
  const datagram = flowOf("10.1.1.1", 5000, UDP);
  assert.equal(trial.send(datagram), 3);
  trial.edit(3, { weight: 0 });
  assert.equal(trial.send(datagram, "open"), 3);
});
