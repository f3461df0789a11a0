import assert from "node:assert/strict";
import { parseDocument, stringify } from "yaml";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { parseObjects } from "../../src/cluster/parse.ts";
import { positionAt } from "../../src/core/text-position.ts";
import { suite } from "../support/suite.ts";
import { invalidity } from "./expect-invalid.ts";

const test = suite("cluster input, wrong fields");

/** One object of each kind, in the form of the API, with every field that is read. */
const objects: Readonly<Record<ClusterObject["kind"], object>> = {
  Service: {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", labels: { app: "web" }, annotations: { note: "x" } },
    spec: {
      type: "LoadBalancer",
      clusterIP: "10.96.0.10",
      clusterIPs: ["10.96.0.10", "fd00::10"],
      ipFamilies: ["IPv4", "IPv6"],
      ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 30080, targetPort: "web" }],
      externalIPs: ["192.0.2.1"],
      loadBalancerSourceRanges: ["203.0.113.0/24"],
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      internalTrafficPolicy: "Cluster",
      externalTrafficPolicy: "Local",
      healthCheckNodePort: 30081,
    },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.2", ipMode: "VIP" }] } },
  },
  EndpointSlice: {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    endpoints: [
      {
        addresses: ["10.244.1.1"],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: "node-a",
        zone: "zone-a",
        hints: { forZones: [{ name: "zone-a" }], forNodes: [{ name: "node-a" }] },
      },
    ],
  },
  Endpoints: {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "web" },
    subsets: [
      { addresses: [{ ip: "10.244.1.1", nodeName: "node-a" }], ports: [{ name: "http", protocol: "TCP", port: 8080 }] },
    ],
  },
  Node: {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-a" },
    spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24"], taints: [{ key: "a" }] },
    status: { addresses: [{ type: "InternalIP", address: "192.168.10.5" }] },
  },
  ServiceCIDR: {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata: { name: "kubernetes" },
    spec: { cidrs: ["10.96.0.0/12"] },
  },
};

const string = "a string";
const map = "a map";
const list = "a list";
const port = "a port in 1…65535";
const portOrNone = `${port}, or 0 for none`;
const ip = "an IPv4 or IPv6 address";
const clusterIp = `${ip}, "None" or ""`;
const range = "a range such as 10.0.0.0/8";
const flag = "true or false";
const protocol = "TCP, UDP or SCTP";
const policy = "Cluster or Local";
const characters = "lower-case letters, digits and inner dashes";
const label = `a name of 1…63 ${characters}`;
const labelOrEmpty = `a name of 0…63 ${characters}`;
const subdomain = `a name of 1…253 ${characters}, in parts between dots`;
const dangerous = [
  "-x",
  "x-",
  "a b",
  'a"b',
  "a\nb",
  "a;b",
  "$(a)",
  "a`b",
  "Å",
  "A",
  "a_b",
  "a/b",
  "a'b",
  "-j",
  "x".repeat(254),
];

/** A field, what stands there instead, what is expected. A value of `undefined` takes the field away. */
const wrong: Readonly<
  Record<ClusterObject["kind"], readonly (readonly [path: string, values: readonly unknown[], expected: string])[]>
> = {
  Service: [
    ["apiVersion", ["v2", "apps/v1", "networking.k8s.io/v1"], "v1 for kind Service"],
    ["apiVersion", [undefined, 1, "", "V1\n", "a/b/c"], "a version such as v1 or apps/v1"],
    ["kind", [undefined, 1, "", "Ser vice", "-x", "\u001b[31m"], "a kind such as Service"],
    ["metadata", [5, ["a"], "x"], map],
    ["metadata.name", [undefined, null, "", 5, ["a"], "a.b", "x".repeat(64), ...dangerous], label],
    ["metadata.namespace", [5, {}, "a.b", ...dangerous], label],
    ["metadata.labels", [["a"], "a"], map],
    ["metadata.labels.app", [5, true, {}], string],
    ["metadata.annotations", [["a"]], map],
    ["metadata.annotations.note", [5], string],
    ["spec", [["a"], "x"], map],
    ["spec.type", ["Foo", 5, "clusterip"], "ClusterIP, NodePort, LoadBalancer or ExternalName"],
    ["spec.clusterIP", ["10.0.0", "none", 10, "10.0.0.256", "1.2.3.4/8"], clusterIp],
    ["spec.clusterIPs", [{}, "10.0.0.1"], list],
    ["spec.clusterIPs[1]", ["x", 5, null], clusterIp],
    ["spec.ipFamilies", ["IPv4"], list],
    ["spec.ipFamilies[0]", ["ipv4", 4], "IPv4 or IPv6"],
    ["spec.ports", [{}, "80", 80], list],
    ["spec.ports[0]", [80, "80", null, []], map],
    ["spec.ports[0].name", [5, ...dangerous], labelOrEmpty],
    ["spec.ports[0].protocol", ["tcp", "ICMP", 6], protocol],
    ["spec.ports[0].port", [undefined, null, "80", "http", 0, -1, 65536, 1.5, true, [80]], port],
    ["spec.ports[0].nodePort", ["30080", -1, 65536, 0.5], portOrNone],
    ["spec.externalIPs", ["192.0.2.1"], list],
    ["spec.externalIPs[0]", [5, {}], string],
    ["spec.loadBalancerSourceRanges", ["10.0.0.0/8"], list],
    ["spec.loadBalancerSourceRanges[0]", [5, null], string],
    ["spec.sessionAffinity", ["clientip", 5], "None or ClientIP"],
    ["spec.sessionAffinityConfig", [[], 5], map],
    ["spec.sessionAffinityConfig.clientIP", [[], 60], map],
    ["spec.sessionAffinityConfig.clientIP.timeoutSeconds", ["60", -1, 1.5, 2 ** 31], "whole seconds in 0…2147483647"],
    ["spec.internalTrafficPolicy", ["local", 1], policy],
    ["spec.externalTrafficPolicy", ["Global", 1], policy],
    ["spec.healthCheckNodePort", ["1", -1, 65536], portOrNone],
    ["status", [[]], map],
    ["status.loadBalancer", [[]], map],
    ["status.loadBalancer.ingress", [{}], list],
    ["status.loadBalancer.ingress[0]", ["192.0.2.2"], map],
    ["status.loadBalancer.ingress[0].ip", [5], string],
    ["status.loadBalancer.ingress[0].ipMode", ["vip", 5], "VIP or Proxy"],
  ],
  EndpointSlice: [
    ["apiVersion", ["v1", "discovery.k8s.io/v1beta1"], "discovery.k8s.io/v1 for kind EndpointSlice"],
    ["metadata.name", [undefined, ...dangerous], subdomain],
    ["metadata.namespace", ["a.b", ...dangerous], label],
    ["addressType", [undefined, null, "", "ipv4", 4], "IPv4, IPv6 or FQDN"],
    ["ports", [{}], list],
    ["ports[0]", ["http"], map],
    ["ports[0].name", [80, ...dangerous], labelOrEmpty],
    ["ports[0].protocol", ["tcp"], protocol],
    ["ports[0].port", ["8080", 65536, -1], portOrNone],
    ["endpoints", [{}], list],
    ["endpoints[0]", ["10.244.1.1"], map],
    ["endpoints[0].addresses", ["10.244.1.1", {}], list],
    ["endpoints[0].addresses[0]", ["pod", "", "10.244.1", 10, null], ip],
    ["endpoints[0].conditions", [[], true, "Ready"], map],
    ["endpoints[0].conditions.ready", ["true", 1, {}], flag],
    ["endpoints[0].conditions.serving", ["yes"], flag],
    ["endpoints[0].conditions.terminating", [0], flag],
    ["endpoints[0].nodeName", [5, ...dangerous], subdomain],
    ["endpoints[0].zone", [5], string],
    ["endpoints[0].hints", [[]], map],
    ["endpoints[0].hints.forZones", [{}, "zone-a"], list],
    ["endpoints[0].hints.forZones[0]", ["zone-a"], map],
    ["endpoints[0].hints.forZones[0].name", [undefined, 5], string],
    ["endpoints[0].hints.forNodes", ["node-a"], list],
    ["endpoints[0].hints.forNodes[0].name", [null], string],
  ],
  Endpoints: [
    ["apiVersion", ["v1beta1"], "v1 for kind Endpoints"],
    ["subsets", [{}], list],
    ["subsets[0]", ["x"], map],
    ["subsets[0].addresses", ["10.244.1.1"], list],
    ["subsets[0].addresses[0]", ["10.244.1.1"], map],
    ["subsets[0].addresses[0].ip", [undefined, "pod", 5], ip],
    ["subsets[0].addresses[0].nodeName", [5], subdomain],
    ["subsets[0].ports", [8080], list],
    ["subsets[0].ports[0].name", [5], labelOrEmpty],
    ["subsets[0].ports[0].protocol", ["tcp"], protocol],
    ["subsets[0].ports[0].port", [undefined, 0, "8080", 65536], port],
  ],
  Node: [
    ["apiVersion", ["v2"], "v1 for kind Node"],
    ["metadata.name", [undefined, ...dangerous], subdomain],
    ["spec.podCIDR", ["10.244.1.0", 5], range],
    ["spec.podCIDRs", ["10.244.1.0/24"], list],
    ["spec.podCIDRs[0]", ["10.244.1.0/33", "x", 5], range],
    ["spec.taints", [{}], list],
    ["spec.taints[0].key", [undefined, 5], string],
    ["status.addresses", [{}], list],
    ["status.addresses[0]", ["192.168.10.5"], map],
    ["status.addresses[0].type", [undefined, 5], string],
    ["status.addresses[0].address", [undefined, 5], string],
  ],
  ServiceCIDR: [
    ["apiVersion", ["v1", "networking.k8s.io/v2"], "networking.k8s.io/v1 for kind ServiceCIDR"],
    ["spec.cidrs", ["10.96.0.0/12"], list],
    ["spec.cidrs[0]", ["10.96.0.0", 5], range],
  ],
};

const stepsOf = (path: string): (string | number)[] =>
  path.split(/\.|(?=\[)/).map((step) => (step.startsWith("[") ? Number(step.slice(1, -1)) : step));

/** A copy of the object with one field set, or taken away. */
function withField(object: object, path: string, value: unknown): object {
  const document = parseDocument(JSON.stringify(object));
  if (value === undefined) document.deleteIn(stepsOf(path));
  else document.setIn(stepsOf(path), document.createNode(value));
  return document.toJS() as object;
}

/** How a value is named in an error. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return value === null ? "null" : "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "a map";
  return typeof value === "string" && value.length > 60 ? `"${value.slice(0, 60)}…"` : JSON.stringify(value);
}

/** Where the field stands in a text, found by the YAML library; the map around it where it is missing. */
function placeOf(text: string, path: string): { line: number; column: number } {
  const document = parseDocument(text);
  const steps = stepsOf(path);
  const node =
    document.getIn(steps, true) ?? (steps.length > 1 ? document.getIn(steps.slice(0, -1), true) : document.contents);
  return positionAt(text, (node as { range: [number, number, number] }).range[0]);
}

test("the objects that the cases start from are read", () => {
  for (const object of Object.values(objects))
    assert.equal(parseObjects(JSON.stringify(object), "o.json").objects.length, 1);
});

for (const [kind, cases] of Object.entries(wrong)) {
  for (const [path, values, expected] of cases) {
    test(`${kind}: ${path} must be ${expected}`, () => {
      for (const value of values) {
        const object = withField(objects[kind as ClusterObject["kind"]], path, value);
        const yaml = stringify(object, { aliasDuplicateObjects: false });
        const json = JSON.stringify(object, null, 2);
        const received = shown(value);
        for (const [file, text] of [
          ["o.yaml", yaml],
          ["o.json", json],
        ] as const) {
          const { message, ...details } = invalidity(text, file);
          assert.deepEqual(details, { file, ...placeOf(text, path), field: path, expected, received });
          assert.equal(
            message,
            `${file}:${details.line}:${details.column}: ${path}: expected ${expected}, got ${received}`,
          );
        }
      }
    });
  }
}
