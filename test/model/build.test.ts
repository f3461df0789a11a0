import assert from "node:assert/strict";
import * as fc from "fast-check";
import { emptySnapshot } from "../../src/cluster/state.ts";
import { buildModel } from "../../src/model/build.ts";
import { formatCidr } from "../../src/net/cidr.ts";
import { serviceCidr } from "../support/objects.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { anyCluster } from "./any-cluster.ts";
import { seen, texts } from "./seen.ts";

const test = suite("model: a whole cluster");

test("an empty cluster means nothing on a node", () => {
  const { servicePorts, userspacePorts, serviceCidrs } = buildModel(emptySnapshot, "node-a");
  assert.deepEqual(
    { servicePorts, userspacePorts, serviceCidrs },
    { servicePorts: { 4: [], 6: [] }, userspacePorts: [], serviceCidrs: { 4: [], 6: [] } },
  );
});

test("service ranges come from all ServiceCIDRs, by family, each once, in order of text", () => {
  const { serviceCidrs } = seen([
    serviceCidr(["10.96.0.0/16", "fd00:10:96::/112"]),
    serviceCidr(["10.112.0.0/16", "10.96.0.1/16", "blah"], "second"),
  ]);
  assert.deepEqual(serviceCidrs[4].map(formatCidr), ["10.112.0.0/16", "10.96.0.0/16"]);
  assert.deepEqual(serviceCidrs[6].map(formatCidr), ["fd00:10:96::/112"]);
});

test("the order of the objects plays no part, even where slices contradict each other", () => {
  const shuffled = anyCluster.chain((objects) =>
    fc.tuple(fc.constant(objects), fc.shuffledSubarray([...objects], { minLength: objects.length })),
  );
  const property = fc.property(shuffled, ([objects, others]) => assert.deepEqual(seen(others), seen(objects)));
  fc.assert(property, { seed, numRuns: runs(5000, 500) });
});

test("building changes nothing in the snapshot", () => {
  const property = fc.property(anyCluster, (objects) => {
    const before = JSON.stringify(objects);
    seen(objects);
    assert.equal(JSON.stringify(objects), before);
  });
  fc.assert(property, { seed, numRuns: runs(1000, 100) });
});

test("whatever the cluster: lists are sorted, and whoever is usable is reachable, and reachable is an endpoint", () => {
  const property = fc.property(anyCluster, (objects) => {
    const { servicePorts } = seen(objects);
    for (const port of [...servicePorts[4], ...servicePorts[6]]) {
      const { endpoints, reachable, clusterEndpoints, localEndpoints } = port;
      for (const list of [endpoints, reachable, clusterEndpoints, localEndpoints]) {
        assert.deepEqual(texts(list), [...new Set(texts(list))].sort());
      }
      assert.ok(reachable.every((one) => endpoints.includes(one)));
      assert.deepEqual(new Set([...clusterEndpoints, ...localEndpoints]), new Set(reachable));
      assert.ok(localEndpoints.every(({ isLocal }) => isLocal));
      assert.ok(port.usesClusterEndpoints || port.usesLocalEndpoints);
    }
  });
  fc.assert(property, { seed, numRuns: runs(5000, 500) });
});

test("whatever the cluster: traffic is taken exactly where its policy has an endpoint", () => {
  const property = fc.property(anyCluster, (objects) => {
    const { servicePorts } = seen(objects);
    for (const port of [...servicePorts[4], ...servicePorts[6]]) {
      const { clusterEndpoints, localEndpoints, internalLocal, externalLocal, externallyAccessible } = port;
      const endpointsFor = (local: boolean) => (local ? localEndpoints : clusterEndpoints);
      assert.equal(port.hasInternal, endpointsFor(internalLocal).length > 0);
      if (externallyAccessible) assert.equal(port.hasExternal, endpointsFor(externalLocal).length > 0);
    }
  });
  fc.assert(property, { seed, numRuns: runs(5000, 500) });
});
