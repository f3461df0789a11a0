/** Many new chains come in several commits: each finds what its rules lead to, and only the last is led to. */
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { inBatches } from "../../../src/dataplane/kernel/iptables-batches.ts";
import { planWhole } from "../../../src/dataplane/kernel/iptables-plan.ts";
import { committedBefore } from "../../../src/dataplane/kernel/refused-line.ts";
import { isServiceChain, type TableChanges } from "../../../src/modes/iptables/changes.ts";
import { anyCluster } from "../../model/any-cluster.ts";
import { compiled } from "../../modes/iptables/chains.ts";
import { endpoint, service, slice } from "../../support/objects.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const test = suite("iptables: batches");

/** Services whose chains are of every kind. */
const served = [
  service({
    name: "served",
    type: "LoadBalancer",
    clusterIP: "10.96.0.77",
    ports: [{ name: "http", port: 80, nodePort: 30_080 }],
    ingress: [{ ip: "198.51.100.7" }],
    loadBalancerSourceRanges: ["10.0.0.0/8"],
    internalTrafficPolicy: "Local",
  }),
  slice({
    service: "served",
    ports: [{ name: "http", port: 8080 }],
    endpoints: ["10.0.9.1", "10.0.9.2", "10.0.9.3"].map((ip) => endpoint(ip, { nodeName: "node-a" })),
  }),
];

function wholeNat(...args: Parameters<typeof compiled>): TableChanges {
  const { changes } = planWhole(compiled(...args), new Map());
  return changes.find(({ name }) => name === "nat")!;
}

const targetsOf = ({ replace, prepend }: TableChanges): readonly string[] =>
  [...replace.flatMap(({ rules }) => rules), ...prepend.map(({ rule }) => rule)]
    .map(({ target }) => target)
    .flatMap((target) => (target?.kind === "jump" ? [target.chain] : []));

test("each batch leads to chains of its own and of those before it, and brings each chain once", () => {
  let cut = 0;
  const property = fc.property(anyCluster, fc.integer({ min: 1, max: 4 }), (objects, atOnce) => {
    const nat = wholeNat([...objects, ...served]);
    const batches = inBatches(nat, () => new Set(), atOnce);
    const there = new Set<string>();
    for (const batch of batches) {
      const last = batch === batches.at(-1);
      for (const { name } of batch.replace) {
        assert.ok(!there.has(name), `${name} comes twice`);
        if (!last) assert.ok(isServiceChain(name) || name === "KUBE-MARK-MASQ", name);
        there.add(name);
      }
      for (const target of targetsOf(batch)) assert.ok(there.has(target), `${target} comes too late`);
      if (!last) assert.deepEqual([batch.remove, batch.prepend, batch.empty, batch.drop], [[], [], [], []]);
    }
    assert.deepEqual(there, new Set(nat.replace.map(({ name }) => name)));
    if (batches.length > 1) cut += 1;
  });
  fc.assert(property, { seed, numRuns: runs(2000, 300) });
  assert.ok(cut > 50, `${cut} were cut`);
});

test("chains that are there already change with the last batch only: rules may lead to them", () => {
  const property = fc.property(anyCluster, (objects) => {
    const nat = wholeNat([...objects, ...served]);
    const there = new Set(nat.replace.slice(0, nat.replace.length >> 1).map(({ name }) => name));
    const batches = inBatches(nat, () => there, 1);
    for (const { replace } of batches.slice(0, -1)) {
      for (const { name } of replace) assert.ok(!isServiceChain(name) || !there.has(name), name);
    }
  });
  fc.assert(property, { seed, numRuns: runs(500, 100) });
});

test("a table of which the last batch was refused does not hold the new rules", () => {
  const text = "*filter\n:A - [0:0]\nCOMMIT\n*nat\n:B - [0:0]\nCOMMIT\n*nat\n-A B -j NOWHERE\nCOMMIT\n";
  assert.deepEqual([...committedBefore({ number: 8, text: "" }, text)], ["filter"]);
  assert.deepEqual([...committedBefore({ number: 5, text: "" }, text)], ["filter"]);
});
