import assert from "node:assert/strict";
import { createHeldNode } from "../../src/agent/held-node.ts";
import { isNodeEligible } from "../../src/agent/health/node-eligibility.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { viewNode } from "../../src/model/node-view.ts";
import { formatIp } from "../../src/net/ip.ts";
import { node } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("the Node of a running proxy");

const withAddress = (address: string) =>
  snapshotOf([node({ name: "node-a", addresses: [{ type: "InternalIP", address }] })]);
const none = snapshotOf([]);
const heldOf = (snapshots: readonly (typeof none)[]): string => {
  const held = createHeldNode();
  const views = snapshots.map(({ nodes }) => held.hold(viewNode(nodes, "node-a")));
  return formatIp(views.at(-1)!.ip4);
};

test("its address is that of the start, whatever becomes of the Node object", () => {
  assert.equal(heldOf([withAddress("192.168.10.5"), withAddress("192.168.10.6")]), "192.168.10.5");
  assert.equal(heldOf([withAddress("192.168.10.5"), none]), "192.168.10.5");
});

test("where none was known at the start the first one counts", () => {
  assert.equal(heldOf([none]), "127.0.0.1");
  assert.equal(heldOf([none, withAddress("192.168.10.5"), none]), "192.168.10.5");
});

test("another name is another node", () => {
  const held = createHeldNode();
  held.hold(viewNode(withAddress("192.168.10.5").nodes, "node-a"));
  assert.equal(formatIp(held.hold(viewNode([], "node-b")).ip4), "127.0.0.1");
});

test("the zone is that of now, and of one that is deleted the last one", () => {
  const held = createHeldNode();
  const zoneOf = (snapshot: typeof none, name = "node-a"): string => {
    held.see(snapshot, name);
    return held.hold(viewNode(held.kept(snapshot).nodes, name)).zone;
  };
  assert.equal(zoneOf(none), "");
  assert.equal(zoneOf(snapshotOf([node({ name: "node-a", zone: "a" })])), "a");
  assert.equal(zoneOf(none), "a");
  assert.equal(zoneOf(snapshotOf([node({ name: "node-a", zone: "b" })])), "b");
  assert.equal(zoneOf(snapshotOf([node({ name: "node-a", zone: "" })])), "");
  assert.equal(zoneOf(none), "");
  assert.equal(zoneOf(none, "node-b"), "");
});

test("load balancers may go on to send connections to a node whose object is deleted, not to one never seen", () => {
  const held = createHeldNode();
  held.see(none, "node-a");
  assert.equal(isNodeEligible(held.lastSeen()), false);
  held.see(withAddress("192.168.10.5"), "node-a");
  held.see(none, "node-a");
  assert.equal(isNodeEligible(held.lastSeen()), true);
  held.see(none, "node-b");
  assert.equal(isNodeEligible(held.lastSeen()), false);
});
