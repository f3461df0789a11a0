import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { objectKey, snapshotOf } from "../../src/cluster/state.ts";
import { buildModel, createModelBuilder } from "../../src/model/build.ts";
import { node, service, slice } from "../support/objects.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { anyCluster } from "./any-cluster.ts";

const test = suite("model: of a cluster that changes");

test("whatever changes: the model is the one that is built anew", () => {
  const changes = fc.array(fc.tuple(anyCluster, fc.constantFrom("node-a", "node-b")), { minLength: 2, maxLength: 5 });
  const property = fc.property(changes, (steps) => {
    const build = createModelBuilder();
    const held = new Map<string, ClusterObject>();
    for (const [objects, nodeName] of steps) {
      // Every step replaces some objects, removes some, and lets the others be the very same.
      for (const object of objects) held.set(objectKey(object), object);
      const [gone] = held.keys();
      if (held.size > 5 && gone !== undefined) held.delete(gone);
      const snapshot = snapshotOf(held.values());
      assert.deepEqual(build(snapshot, nodeName), buildModel(snapshot, nodeName));
    }
  });
  fc.assert(property, { seed, numRuns: runs(3000, 300) });
});

test("what did not change is the same service port, what did is another", () => {
  const build = createModelBuilder();
  const web = service({ name: "web", clusterIP: "10.96.0.1" });
  const api = service({ name: "api", clusterIP: "10.96.0.2" });
  const nodes = [node({ name: "node-a" })];
  const before = build(snapshotOf([web, api, slice({ endpoints: ["10.0.0.8"] }), ...nodes]), "node-a");
  const after = build(snapshotOf([web, api, slice({ endpoints: ["10.0.0.9"] }), ...nodes]), "node-a");
  const [apiBefore, webBefore] = before.servicePorts[4];
  const [apiAfter, webAfter] = after.servicePorts[4];
  assert.equal(apiBefore!.service, "api");
  assert.equal(apiAfter, apiBefore);
  assert.notEqual(webAfter, webBefore);
});

test("another node means other service ports", () => {
  const build = createModelBuilder();
  const objects = [service(), slice({ endpoints: ["10.0.0.8"] })];
  const [before] = build(snapshotOf(objects), "node-a").servicePorts[4];
  assert.notEqual(build(snapshotOf(objects), "node-b").servicePorts[4][0], before);
  assert.notEqual(build(snapshotOf([...objects, node({ name: "node-a" })]), "node-a").servicePorts[4][0], before);
});

test("who does without the ports of mode userspace has all else", () => {
  const snapshot = snapshotOf([service(), slice({ endpoints: ["10.0.0.8"] }), node({ name: "node-a" })]);
  const whole = buildModel(snapshot, "node-a");
  assert.equal(whole.userspacePorts.length, 1);
  assert.deepEqual(createModelBuilder({ withUserspace: false })(snapshot, "node-a"), { ...whole, userspacePorts: [] });
});
