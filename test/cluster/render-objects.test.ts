import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { generateCluster } from "../../src/cluster/generate.ts";
import { loadCluster } from "../../src/cluster/load.ts";
import { parseObjects } from "../../src/cluster/parse.ts";
import { renderObjects } from "../../src/cluster/render-objects.ts";
import { snapshotOf } from "../../src/cluster/state.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { anySnapshot } from "./any-objects.ts";
import { boutiqueServiceCidrs, boutiqueYaml } from "./sample-texts.ts";

const test = suite("renderObjects", { timeoutMs: 120_000 });
const formats = ["yaml", "json"] as const;

test("what is written is read back as an equal snapshot, whatever the objects hold", () => {
  const property = fc.property(anySnapshot, fc.constantFrom(...formats), (snapshot, format) => {
    const text = renderObjects(snapshot, format);
    assert.deepEqual(snapshotOf(parseObjects(text, `cluster.${format}`).objects), snapshot, text);
  });
  fc.assert(property, { seed, numRuns: runs(10_000, 1_000) });
});

test("the YAML means the same as the JSON", () => {
  const property = fc.property(anySnapshot, (snapshot) => {
    const [document] = parseAllDocuments(renderObjects(snapshot, "yaml"));
    assert.deepEqual(document?.toJS(), JSON.parse(renderObjects(snapshot, "json")));
  });
  fc.assert(property, { seed, numRuns: runs(2_000, 300) });
});

test("a real cluster and a generated one survive being written", async () => {
  const { snapshot } = await loadCluster([boutiqueYaml, boutiqueServiceCidrs]);
  const options = { services: 200, endpointsPerService: 3, nodes: 5, seed, udpShare: 0.2, nodePortShare: 0.3 };
  for (const cluster of [snapshot, generateCluster(options)]) {
    for (const format of formats) {
      const { objects, ignored } = parseObjects(renderObjects(cluster, format), `cluster.${format}`);
      assert.deepEqual(snapshotOf(objects), cluster);
      assert.equal(ignored.size, 0);
    }
  }
});

test("the YAML has kubectl's form", () => {
  const [head, tail] = [generateCluster({ services: 1, endpointsPerService: 1, nodes: 1, seed: 1 }), snapshotOf([])];
  assert.equal(
    renderObjects({ ...tail, serviceCidrs: head.serviceCidrs }, "yaml"),
    `apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: ServiceCIDR
  metadata:
    name: kubernetes
    labels: {}
    annotations: {}
  spec:
    cidrs:
    - 10.96.0.0/12
`,
  );
  assert.equal(renderObjects(tail, "yaml"), "apiVersion: v1\nkind: List\nitems: []\n");
  assert.equal(renderObjects(tail, "json"), '{"apiVersion":"v1","kind":"List","items":[\n\n]}\n');
});
