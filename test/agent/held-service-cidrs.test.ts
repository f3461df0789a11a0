import assert from "node:assert/strict";
import { createHeldServiceCidrs } from "../../src/agent/held-service-cidrs.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { manualClock } from "../../src/core/clock.ts";
import { buildModel } from "../../src/model/build.ts";
import type { Model } from "../../src/model/model.ts";
import { formatCidr } from "../../src/net/cidr.ts";
import { node, serviceCidr } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("ServiceCIDRs of a running proxy");

const modelOf = (...cidrs: readonly string[]): Model => buildModel(snapshotOf([node(), serviceCidr(cidrs)]), "node-a");
const texts = ({ serviceCidrs }: Model): readonly string[] => serviceCidrs[4].map(formatCidr);

const old = modelOf("10.96.0.0/16");
const fresh = modelOf("10.96.0.0/16", "10.98.0.0/16");

test("new ranges count with the first sync that comes an hour after the last full one", () => {
  const clock = manualClock();
  const held = createHeldServiceCidrs(clock);
  assert.deepEqual(texts(held.hold(old)), ["10.96.0.0/16"]);
  clock.advance(3_599_999);
  assert.deepEqual(texts(held.hold(fresh)), ["10.96.0.0/16"]);
  clock.advance(1);
  assert.deepEqual(texts(held.hold(fresh)), ["10.96.0.0/16", "10.98.0.0/16"]);
  assert.deepEqual(texts(held.hold(old)), ["10.96.0.0/16", "10.98.0.0/16"]);
});

test("a sync that failed makes the next one a full one", () => {
  const held = createHeldServiceCidrs(manualClock());
  held.hold(old);
  held.letGo();
  assert.deepEqual(texts(held.hold(fresh)), ["10.96.0.0/16", "10.98.0.0/16"]);
});

test("a node that has come to another zone makes the next sync a full one", () => {
  const held = createHeldServiceCidrs(manualClock());
  held.hold(old);
  const moved: Model = { ...fresh, node: { ...fresh.node, zone: "zone-b" } };
  assert.deepEqual(texts(held.hold(moved)), ["10.96.0.0/16", "10.98.0.0/16"]);
  assert.deepEqual(texts(held.hold({ ...old, node: moved.node })), ["10.96.0.0/16", "10.98.0.0/16"]);
});

test("all else of the model stays as it is", () => {
  const held = createHeldServiceCidrs(manualClock());
  const { serviceCidrs, ...rest } = held.hold(old);
  assert.deepEqual({ serviceCidrs, ...rest }, old);
  assert.equal(rest.node, old.node);
});
