import * as fc from "fast-check";
import type { ClusterObject, ObjectMeta } from "../../src/cluster/objects.ts";
import { type ClusterSnapshot, snapshotOf } from "../../src/cluster/state.ts";

/** Objects with any combination of fields, set to anything that the API takes, or unset. */
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
const subdomain = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join("."));
const port = fc.integer({ min: 1, max: 65535 });
const protocol = fc.constantFrom("TCP", "UDP", "SCTP");
const ip4 = fc.ipV4();
const ip = fc.oneof(ip4, fc.ipV6());
const range = fc.tuple(ip4, fc.integer({ min: 0, max: 32 })).map(([base, bits]) => `${base}/${bits}`);
/** Also what YAML could take for something else. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "",
    "null",
    "yes",
    "~",
    "1",
    "0x1",
    "1e3",
    ".5",
    "- a",
    "a: b",
    "a #b",
    "{}",
    "*a",
    "&a",
    "!a",
    "|",
    "\n",
    " ",
  ),
);
const texts = fc.dictionary(fc.oneof(subdomain, text), text, { maxKeys: 3, noNullPrototype: true });
const few = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 3 });

/** A map in which every field is set. */
function whole<T>(fields: { [F in keyof T]: fc.Arbitrary<T[F]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

function anyMeta(namespaced: boolean): fc.Arbitrary<ObjectMeta> {
  const namespace = namespaced ? label : fc.constant("");
  return whole({ namespace, name: label, labels: texts, annotations: texts });
}

/** A map in which each field but the named ones may be missing. */
function map<T, K extends keyof T = never>(fields: { [F in keyof T]: fc.Arbitrary<T[F]> }, requiredKeys: K[] = []) {
  return fc.record(fields, { requiredKeys, noNullPrototype: true });
}

const namedPort = map({ name: fc.oneof(label, fc.constant("")), protocol, port }, ["port"]);
const hint = few(text);

const service = map(
  {
    type: fc.constantFrom("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    clusterIP: fc.oneof(ip, fc.constantFrom("", "None")),
    clusterIPs: few(ip),
    ipFamilies: few(fc.constantFrom("IPv4", "IPv6")),
    ports: few(map({ name: label, protocol, port, nodePort: port }, ["port"])),
    externalIPs: few(text),
    loadBalancerSourceRanges: few(text),
    sessionAffinity: fc.constantFrom("None", "ClientIP"),
    affinityTimeoutSeconds: fc.integer({ min: 0, max: 86_400 }),
    internalTrafficPolicy: fc.constantFrom("Cluster", "Local"),
    externalTrafficPolicy: fc.constantFrom("Cluster", "Local"),
    healthCheckNodePort: port,
  },
  ["ports"],
);
const ingress = few(map({ ip: fc.oneof(ip, text), ipMode: fc.constantFrom("VIP", "Proxy") }));
const endpoint = map(
  {
    addresses: few(ip),
    conditions: map({ ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean() }),
    nodeName: subdomain,
    zone: text,
    hints: map({ forZones: hint, forNodes: hint }),
  },
  ["addresses", "conditions", "hints"],
);
const subset = whole({ addresses: few(map({ ip, nodeName: subdomain }, ["ip"])), ports: few(namedPort) });

const anyObject: fc.Arbitrary<ClusterObject> = fc.oneof(
  whole({ kind: fc.constant("Service" as const), metadata: anyMeta(true), spec: service, ingress }),
  whole({
    kind: fc.constant("EndpointSlice" as const),
    metadata: anyMeta(true),
    addressType: fc.constantFrom("IPv4", "IPv6", "FQDN"),
    ports: few(map({ name: label, protocol, port })),
    endpoints: few(endpoint),
  }),
  whole({ kind: fc.constant("Endpoints" as const), metadata: anyMeta(true), subsets: few(subset) }),
  fc
    .tuple(
      whole({
        kind: fc.constant("Node" as const),
        metadata: anyMeta(false),
        podCIDRs: few(range),
        taints: few(whole({ key: text })),
        addresses: few(whole({ type: text, address: text })),
      }),
      map({ deletionTimestamp: text }),
    )
    .map(([node, going]) => Object.assign(node, going)),
  whole({ kind: fc.constant("ServiceCIDR" as const), metadata: anyMeta(false), cidrs: few(range) }),
);

export const anySnapshot: fc.Arbitrary<ClusterSnapshot> = few(anyObject).map(snapshotOf);
