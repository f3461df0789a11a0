import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { diffModels, type ServicePortsDiff } from "../../src/model/diff.ts";
import type { Model } from "../../src/model/model.ts";
import type { ServicePort } from "../../src/model/service-port.ts";
import { endpoint, node, service, slice } from "../support/objects.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { anyCluster } from "./any-cluster.ts";
import { lines, seen, texts } from "./seen.ts";

/** One line a difference: `+` added, `-` removed, `~` changed, with what changed. */
function summary({ added, removed, changed }: ServicePortsDiff): readonly string[] {
  return [
    ...lines(added).map((line) => `+ ${line}`),
    ...lines(removed).map((line) => `- ${line}`),
    ...changed.map(({ after, fields, endpoints, consequences }) =>
      [
        `~ ${after.name}`,
        ...fields,
        ...texts(endpoints.added).map((text) => `+${text}`),
        ...texts(endpoints.removed).map((text) => `-${text}`),
        ...endpoints.changed.map(({ after: { text } }) => `~${text}`),
        ...consequences.map((field) => `(${field})`),
      ].join(" "),
    ),
  ];
}

interface Row {
  readonly it: string;
  readonly before: readonly ClusterObject[];
  readonly after: readonly ClusterObject[];
  readonly ip4?: readonly string[];
  readonly ip6?: readonly string[];
}

const v4 = "default/web:http tcp 10.96.0.10:80";
const v6 = "default/web:http tcp [fd00::10]:80";
const lists = "(clusterEndpoints) (reachable)";
const has = "(hasAny) (hasInternal) (hasExternal)";
const one = slice({ endpoints: ["10.0.0.1"] });
const two = slice({ endpoints: ["10.0.0.1", "10.0.0.2"] });
const near = (zone: string) => endpoint("10.0.0.1", { forZones: [zone] });

const on = (nodeName: string, n: number) => endpoint(`10.0.0.${n}`, { nodeName });
const localOnly = { externalTrafficPolicy: "Local", externalIPs: ["1.2.3.4"] } as const;

const rows: readonly Row[] = [
  { it: "nothing, nothing", before: [], after: [] },
  { it: "the same is no difference", before: [service(), two, node()], after: [node(), two, service()] },
  {
    it: "labels and annotations that mean nothing are no difference",
    before: [service(), one],
    after: [
      service({ labels: { a: "b" }, annotations: { c: "d" } }),
      slice({ labels: { e: "f" }, endpoints: ["10.0.0.1"] }),
    ],
  },
  { it: "a Service appears", before: [one], after: [service(), one], ip4: [`+ ${v4} 10.0.0.1:8080`] },
  { it: "a Service goes", before: [service(), one], after: [one], ip4: [`- ${v4} 10.0.0.1:8080`] },
  {
    it: "a Service becomes dual-stack: it appears in the other family",
    before: [service()],
    after: [service({ clusterIPs: ["10.96.0.10", "fd00::10"] })],
    ip6: [`+ ${v6}`],
  },
  {
    it: "a renamed port goes and appears",
    before: [service()],
    after: [service({ ports: [{ name: "web", port: 80 }] })],
    ip4: ["+ default/web:web tcp 10.96.0.10:80", `- ${v4}`],
  },
  {
    it: "a port with another protocol goes and appears",
    before: [service()],
    after: [service({ ports: [{ name: "http", protocol: "UDP", port: 80 }] })],
    ip4: ["+ default/web:http udp 10.96.0.10:80", `- ${v4}`],
  },
  {
    it: "a port with another number changes",
    before: [service()],
    after: [service({ ports: [{ name: "http", port: 81 }] })],
    ip4: ["~ default/web:http port"],
  },
  {
    it: "each field is told, in one order",
    before: [service()],
    after: [
      service({
        type: "LoadBalancer",
        clusterIP: "10.96.0.11",
        ports: [{ name: "http", port: 81, nodePort: 30_080 }],
        externalIPs: ["1.2.3.4"],
        ingress: [{ ip: "5.6.7.8" }],
        loadBalancerSourceRanges: ["10.0.0.0/8"],
        sessionAffinity: "ClientIP",
        internalTrafficPolicy: "Local",
        externalTrafficPolicy: "Local",
        healthCheckNodePort: 345,
      }),
    ],
    ip4: [
      "~ default/web:http clusterIp port nodePort externalIps loadBalancerIps sourceRanges affinitySeconds internalLocal" +
        " externalLocal healthCheckNodePort (externallyAccessible) (usesLocalEndpoints)",
    ],
  },
  {
    it: "an endpoint appears",
    before: [service(), one],
    after: [service(), two],
    ip4: [`~ default/web:http +10.0.0.2:8080 ${lists}`],
  },
  {
    it: "an endpoint goes",
    before: [service(), two],
    after: [service(), one],
    ip4: [`~ default/web:http -10.0.0.2:8080 ${lists}`],
  },
  {
    it: "the first slice appears",
    before: [service()],
    after: [service(), one],
    ip4: [`~ default/web:http +10.0.0.1:8080 ${lists} ${has}`],
  },
  {
    it: "the last slice goes",
    before: [service(), one],
    after: [service()],
    ip4: [`~ default/web:http -10.0.0.1:8080 ${lists} ${has}`],
  },
  {
    it: "a second slice appears",
    before: [service(), one],
    after: [service(), one, slice({ name: "b", endpoints: ["10.0.0.9"] })],
    ip4: [`~ default/web:http +10.0.0.9:8080 ${lists}`],
  },
  {
    it: "an endpoint that moves to another slice is the same",
    before: [service(), two],
    after: [service(), one, slice({ name: "b", endpoints: ["10.0.0.2"] })],
  },
  {
    it: "a slice port with another number is another endpoint",
    before: [service(), one],
    after: [service(), slice({ ports: [{ name: "http", port: 9090 }], endpoints: ["10.0.0.1"] })],
    ip4: [`~ default/web:http +10.0.0.1:9090 -10.0.0.1:8080 ${lists}`],
  },
  {
    it: "a slice port with another name leaves the service port",
    before: [service(), one],
    after: [service(), slice({ ports: [{ name: "web", port: 8080 }], endpoints: ["10.0.0.1"] })],
    ip4: [`~ default/web:http -10.0.0.1:8080 ${lists} ${has}`],
  },
  {
    it: "an endpoint that is no longer ready changes, and nobody is left",
    before: [service(), one],
    after: [service(), slice({ endpoints: [endpoint("10.0.0.1", { ready: false })] })],
    ip4: [`~ default/web:http ~10.0.0.1:8080 ${lists} ${has}`],
  },
  {
    it: "an endpoint on another node changes, with no consequence under policy Cluster",
    before: [service(), slice({ endpoints: [endpoint("10.0.0.1", { nodeName: "node-a" })] })],
    after: [service(), slice({ endpoints: [endpoint("10.0.0.1", { nodeName: "node-b" })] })],
    ip4: ["~ default/web:http ~10.0.0.1:8080"],
  },
  {
    it: "a node that changes its zone changes who is near, though no object of the Service changed",
    before: [service(), slice({ endpoints: [near("zone-a"), endpoint("10.0.0.2", { forZones: ["zone-b"] })] }), node()],
    after: [
      service(),
      slice({ endpoints: [near("zone-a"), endpoint("10.0.0.2", { forZones: ["zone-b"] })] }),
      node({ zone: "zone-b" }),
    ],
    ip4: [`~ default/web:http ${lists}`],
  },
  {
    it: "an endpoint that leaves the node is no longer local, which policy Local notices",
    before: [service(localOnly), slice({ endpoints: [on("node-a", 1), on("node-a", 2)] })],
    after: [service(localOnly), slice({ endpoints: [on("node-a", 1), on("node-b", 2)] })],
    ip4: ["~ default/web:http ~10.0.0.2:8080 (localEndpoints)"],
  },
  {
    it: "a Service with policy Local that gets a way in from outside uses all endpoints for that",
    before: [service({ internalTrafficPolicy: "Local" }), one],
    after: [service({ internalTrafficPolicy: "Local", externalIPs: ["1.2.3.4"] }), one],
    ip4: [`~ default/web:http externalIps ${lists} (externallyAccessible) (usesClusterEndpoints)`],
  },
  {
    it: "many at once: each list in order of name, then protocol",
    before: ["a", "c", "e"].map((name) => service({ name })),
    after: ["b", "c", "d"].map((name) => service({ name, externalIPs: ["1.2.3.4"] })),
    ip4: [
      "+ default/b:http tcp 10.96.0.10:80",
      "+ default/d:http tcp 10.96.0.10:80",
      "- default/a:http tcp 10.96.0.10:80",
      "- default/e:http tcp 10.96.0.10:80",
      "~ default/c:http externalIps (externallyAccessible)",
    ],
  },
];

const test = suite("model: what differs between two");
for (const { it, before, after, ip4 = [], ip6 = [] } of rows) {
  test(it, () => {
    const diff = diffModels(seen(before), seen(after));
    assert.deepEqual({ ip4: summary(diff[4]), ip6: summary(diff[6]) }, { ip4, ip6 });
  });
}

const plain = {
  nodeName: "node-b",
  ready: false,
  serving: false,
  terminating: false,
  forZones: ["a"],
  forNodes: ["a"],
};
const sayings: readonly Parameters<typeof endpoint>[1][] = [
  { nodeName: "node-c" },
  { ready: true },
  { serving: true },
  { terminating: true },
  { forZones: ["b"] },
  { forZones: ["a", "b"] },
  { forNodes: ["b"] },
];
for (const saying of sayings) {
  test(`an endpoint that says otherwise has changed: ${JSON.stringify(saying)}`, () => {
    const models = [plain, { ...plain, ...saying }].map((about) =>
      seen([service(), slice({ endpoints: [endpoint("10.0.0.1", about)] })]),
    );
    const [change] = diffModels(models[0]!, models[1]!)[4].changed;
    assert.equal(change?.endpoints.changed.length, 1);
  });
}

test("two nodes see different endpoints as local", () => {
  const objects = [service(), slice({ endpoints: [on("node-a", 1), on("node-c", 2)] })];
  const diff = diffModels(seen(objects, "node-a"), seen(objects, "node-b"));
  assert.deepEqual(summary(diff[4]), ["~ default/web:http ~10.0.0.1:8080"]);
});

const nothing = { added: [], removed: [], changed: [] };
const byIdentity = (a: ServicePort, b: ServicePort): number =>
  a.name === b.name ? a.proto - b.proto : a.name < b.name ? -1 : 1;

/** What `before` becomes when the difference is carried out. */
function carryOut(before: Model, diff: ServicePortsDiff, family: 4 | 6): readonly ServicePort[] {
  const leaving = new Set([...diff.removed, ...diff.changed.map((change) => change.before)]);
  const staying = before.servicePorts[family].filter((port) => !leaving.has(port));
  return [...staying, ...diff.added, ...diff.changed.map((change) => change.after)].sort(byIdentity);
}

test("a model does not differ from itself, nor from one built again", () => {
  const property = fc.property(anyCluster, (objects) => {
    const model = seen(objects);
    assert.deepEqual(diffModels(model, model), { 4: nothing, 6: nothing });
    assert.deepEqual(diffModels(model, seen(objects)), { 4: nothing, 6: nothing });
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});

test("a difference carried out on the first model gives the second: nothing is missed", () => {
  const property = fc.property(anyCluster, anyCluster, (objects, others) => {
    const before = seen(objects);
    // Of two objects with one identity the later counts: much stays as it was.
    const after = seen([...objects, ...others]);
    const diff = diffModels(before, after);
    for (const family of [4, 6] as const) {
      assert.deepEqual(carryOut(before, diff[family], family), after.servicePorts[family]);
    }
  });
  fc.assert(property, { seed, numRuns: runs(5000, 500) });
});

test("the way back is the mirror image", () => {
  const property = fc.property(anyCluster, anyCluster, (objects, others) => {
    const there = diffModels(seen(objects), seen(others));
    const back = diffModels(seen(others), seen(objects));
    for (const family of [4, 6] as const) {
      assert.deepEqual(there[family].added, back[family].removed);
      assert.deepEqual(there[family].removed, back[family].added);
      const swapped = back[family].changed.map(({ before, after, endpoints, ...rest }) =>
        Object.assign(rest, {
          before: after,
          after: before,
          endpoints: {
            added: endpoints.removed,
            removed: endpoints.added,
            changed: endpoints.changed.map((change) => ({ before: change.after, after: change.before })),
          },
        }),
      );
      assert.deepEqual(there[family].changed, swapped);
    }
  });
  fc.assert(property, { seed, numRuns: runs(2000, 200) });
});
