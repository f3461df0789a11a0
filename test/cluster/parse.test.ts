import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ClusterObject } from "../../src/cluster/objects.ts";
import { parseObjects } from "../../src/cluster/parse.ts";
import { suite } from "../support/suite.ts";
import {
  annotatedService,
  boutiqueJson,
  boutiqueServiceCidrs,
  boutiqueYaml,
  plainService,
  recordedFiles,
  unusualYaml,
} from "./sample-texts.ts";

const test = suite("cluster input");
const objectsOf = (text: string, file = "input.yaml"): readonly ClusterObject[] => parseObjects(text, file).objects;
const namesOf = (text: string, file?: string): string[] =>
  objectsOf(text, file).map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);

const meta = { namespace: "default", name: "web", labels: {}, annotations: {} };
const service = {
  kind: "Service",
  metadata: meta,
  spec: { clusterIP: "10.96.0.10", ports: [{ name: "http", port: 80 }] },
  ingress: [],
};

test("a Service has the fields that it sets, and no others", () => {
  assert.deepEqual(objectsOf(plainService), [service]);
});

test("comments and managed fields change nothing", () => {
  const externalIPs = ["192.0.2.1", "a #b", "a#b"];
  assert.deepEqual(objectsOf(annotatedService), [{ ...service, spec: { ...service.spec, externalIPs } }]);
});

test("null is unset: in a field, in a list of fields, and in each kind", () => {
  const text = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: null, labels: null, annotations: {a: null}}
spec: {type: null, clusterIP: 10.96.0.10, clusterIPs: ~, ports: [{name: http, port: 80, nodePort: null}], sessionAffinityConfig: {clientIP: null}}
status: null
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web}, addressType: IPv4, ports: null, endpoints: null}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: null}
---
{apiVersion: v1, kind: Node, metadata: {name: web, namespace: x}, spec: null}
---
{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: web}}
`;
  const clusterWide = { ...meta, namespace: "" };
  assert.deepEqual(objectsOf(text), [
    { ...service, metadata: { ...meta, annotations: { a: "" } } },
    { kind: "EndpointSlice", metadata: meta, addressType: "IPv4", ports: [], endpoints: [] },
    { kind: "Endpoints", metadata: meta, subsets: [] },
    { kind: "Node", metadata: clusterWide, podCIDRs: [], taints: [], addresses: [] },
    { kind: "ServiceCIDR", metadata: clusterWide, cidrs: [] },
  ]);
});

test("every field of every kind is read", () => {
  const text = `{apiVersion: v1, kind: Service, metadata: {name: web, labels: {a: b}}, spec: {type: LoadBalancer, clusterIP: "", clusterIPs: [None],
  ipFamilies: [IPv6], ports: [{name: "", protocol: UDP, port: 1, nodePort: 0}, {port: 65535, nodePort: 65535}], externalIPs: [bad],
  loadBalancerSourceRanges: [" 10.1.2.3/8"], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}},
  internalTrafficPolicy: Local, externalTrafficPolicy: Local, healthCheckNodePort: 1}, status: {loadBalancer: {ingress: [{ip: bad}, {ipMode: Proxy, hostname: x}]}}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web}, addressType: IPv6, ports: [{}, {name: "", protocol: SCTP, port: 0}],
  endpoints: [{addresses: []}, {addresses: ["fd00::1", bad], conditions: {ready: false, serving: true, terminating: true}, nodeName: a.b, zone: z,
  hints: {forZones: [{name: z}], forNodes: []}}]}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 127.0.0.1, nodeName: n}], notReadyAddresses: [{ip: 10.0.0.9}], ports: [{port: 5}]}]}
---
{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDR: 10.0.0.0/24, taints: [{key: k, effect: e}]}, status: {addresses: [{type: Hostname, address: a}]}}
---
{apiVersion: networking.k8s.io/v1alpha1, kind: ServiceCIDR, metadata: {name: k}, spec: {cidrs: [10.96.0.0/12]}}
`;
  assert.deepEqual(objectsOf(text), [
    {
      kind: "Service",
      metadata: { ...meta, labels: { a: "b" } },
      spec: {
        type: "LoadBalancer",
        clusterIP: "",
        clusterIPs: ["None"],
        ipFamilies: ["IPv6"],
        ports: [
          { name: "", protocol: "UDP", port: 1 },
          { port: 65535, nodePort: 65535 },
        ],
        externalIPs: ["bad"],
        loadBalancerSourceRanges: [" 10.1.2.3/8"],
        sessionAffinity: "ClientIP",
        affinityTimeoutSeconds: 0,
        internalTrafficPolicy: "Local",
        externalTrafficPolicy: "Local",
        healthCheckNodePort: 1,
      },
      ingress: [{ ip: "bad" }, { ipMode: "Proxy" }],
    },
    {
      kind: "EndpointSlice",
      metadata: meta,
      addressType: "IPv6",
      ports: [{}, { name: "", protocol: "SCTP" }],
      endpoints: [
        { addresses: [], conditions: {}, hints: {} },
        {
          addresses: ["fd00::1", "bad"],
          conditions: { ready: false, serving: true, terminating: true },
          nodeName: "a.b",
          zone: "z",
          hints: { forZones: ["z"], forNodes: [] },
        },
      ],
    },
    {
      kind: "Endpoints",
      metadata: meta,
      subsets: [{ addresses: [{ ip: "127.0.0.1", nodeName: "n" }], ports: [{ port: 5 }] }],
    },
    {
      kind: "Node",
      metadata: { ...meta, namespace: "", name: "a" },
      podCIDRs: ["10.0.0.0/24"],
      taints: [{ key: "k" }],
      addresses: [{ type: "Hostname", address: "a" }],
    },
    { kind: "ServiceCIDR", metadata: { ...meta, namespace: "", name: "k" }, cidrs: ["10.96.0.0/12"] },
  ]);
});

test("an address may have leading zeros, and stays the text that it is", () => {
  const [object] = objectsOf(plainService.replace("10.96.0.10", "010.096.0.010"));
  assert.equal(object?.kind === "Service" && object.spec.clusterIP, "010.096.0.010");
});

test("an empty text in an enumeration is unset", () => {
  const [object] = objectsOf(plainService.replace("spec:", 'spec:\n  type: ""\n  sessionAffinity: ""'));
  assert.deepEqual(object, service);
});

test("a slice of names has whatever addresses it likes", () => {
  const text =
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, addressType: FQDN, endpoints: [{addresses: [pod.example]}]}";
  const [object] = objectsOf(text);
  assert.deepEqual(object?.kind === "EndpointSlice" && object.endpoints[0]?.addresses, ["pod.example"]);
});

test("texts without content hold nothing, in both languages", () => {
  for (const text of ["", "\n\n", "# nothing\n", "---\n---\n# nothing\n---", "null", "\ufeff"]) {
    assert.deepEqual(objectsOf(text), [], JSON.stringify(text));
  }
  for (const text of ["", " \n", "null"]) assert.deepEqual(objectsOf(text, "a.json"), [], JSON.stringify(text));
});

test("documents are read one after the other, empty ones are passed over", () => {
  const text = `---\n${plainService}--- # second\n---\n${plainService.replace("web", "api")}---\n`;
  assert.deepEqual(namesOf(text), ["Service default/web", "Service default/api"]);
});

test("a document that ends with ... may be followed by directives", () => {
  const text = `%YAML 1.2\n---\n${plainService}...\n%YAML 1.1\n---\n${plainService.replace("web", "api")}`;
  assert.deepEqual(namesOf(text), ["Service default/web", "Service default/api"]);
});

test("what follows a List that ends with ... is read too", () => {
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${plainService.trimEnd().replaceAll("\n", "\n  ")}\n`;
  const text = `${list}...\n---\n${plainService.replace("web", "api")}`;
  assert.deepEqual(namesOf(text), ["Service default/web", "Service default/api"]);
});

test("a line of a block scalar that looks like a mark of YAML is none", () => {
  const note = "metadata:\n  annotations:\n    note: |\n      ---\n      items:\n      - x\n      &a *a\n";
  const [object] = objectsOf(plainService.replace("metadata:\n", note));
  assert.equal(object?.metadata.annotations["note"], "---\nitems:\n- x\n&a *a\n");
});

test("Windows line ends and a byte order mark are no part of the text", () => {
  assert.deepEqual(objectsOf(`\ufeff${plainService.replaceAll("\n", "\r\n")}`), [service]);
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${plainService.trimEnd().replaceAll("\n", "\n  ")}\n`;
  assert.deepEqual(objectsOf(list.replaceAll("\n", "\r\n")), [service]);
});

test("unusual YAML means what it says", () => {
  const [web, slice] = objectsOf(unusualYaml);
  assert.deepEqual(web, {
    kind: "Service",
    metadata: {
      namespace: "default",
      name: "web",
      labels: { app: "web", "tier/x": "a\tb" },
      annotations: { literal: '{"apiVersion": "v1"}\n\nmore\n', folded: "one line", keep: "text\n\n" },
    },
    spec: {
      type: "NodePort",
      clusterIP: "10.96.0.10",
      ports: [{ name: "http", port: 80, nodePort: 30080 }],
      externalIPs: ["192.0.2.1", "192.0.2.2"],
    },
    ingress: [],
  });
  assert.deepEqual(slice, {
    kind: "EndpointSlice",
    metadata: { namespace: "default", name: "web-1", labels: { "kubernetes.io/service-name": "web" }, annotations: {} },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080 }],
    endpoints: [{ addresses: ["10.244.1.1"], conditions: { ready: true }, nodeName: "node-a", hints: {} }],
  });
});

const item = `- ${plainService.trimEnd().replaceAll("\n", "\n  ")}\n`;
const indented = item.replaceAll(/^/gm, "  ").trimEnd();
const lists: readonly (readonly [name: string, text: string])[] = [
  ["with the items last", `apiVersion: v1\nkind: List\nitems:\n${item}`],
  ["with the items first", `items:\n${item}kind: List\napiVersion: v1\n`],
  ["with indented items and comments", `kind: List # a\napiVersion: v1\nitems:\n  # one\n\n${indented}\n# end\n`],
  ["with the dash on a line of its own", `kind: List\napiVersion: v1\nitems:\n-\n  ${item.slice(2)}`],
  [
    "in braces",
    `{kind: List, apiVersion: v1, items: [${JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "web" } })}]}`,
  ],
  ["of one kind", `kind: ServiceList\napiVersion: v1\nitems:\n${item}`],
  ["of one kind that its items do not name", `kind: ServiceList\napiVersion: v1\nitems:\n- metadata: {name: web}\n`],
  ["behind another document", `---\nkind: Pod\napiVersion: v1\n---\nkind: List\napiVersion: v1\nitems:\n${item}`],
  [
    "with an anchor that reaches into the next item",
    `kind: List\napiVersion: v1\nitems:\n- kind: &k Pod\n  apiVersion: &v v1\n- kind: Service\n  apiVersion: *v\n  metadata: {name: web}\n`,
  ],
];
for (const [name, text] of lists) {
  test(`a List ${name} is its items`, () => assert.deepEqual(namesOf(text), ["Service default/web"]));
}

test("every kind that is read has its List, with items or without", () => {
  const versions = {
    ServiceList: "v1",
    EndpointSliceList: "discovery.k8s.io/v1",
    EndpointsList: "v1",
    NodeList: "v1",
    ServiceCIDRList: "networking.k8s.io/v1",
  };
  for (const [kind, apiVersion] of Object.entries(versions)) {
    const items = [{ metadata: { name: "web" }, addressType: "IPv4" }];
    for (const given of [items, null, undefined]) {
      const text = JSON.stringify({ kind, apiVersion, items: given });
      assert.equal(objectsOf(text, "list.json").length, given?.length ?? 0, text);
    }
  }
});

test("other kinds are counted by name, in Lists too", () => {
  const text = `kind: Deployment\napiVersion: apps/v1\n---\nkind: PodList\napiVersion: v1\nitems:\n- spec: {}\n- kind: Pod\n  apiVersion: v1\n
---\nkind: List\napiVersion: v1\nitems: [{kind: Pod, apiVersion: v1}]
---\n{kind: Service, apiVersion: serving.knative.dev/v1, metadata: {name: A_b}}
---\n{kind: AllowList, apiVersion: example.com/v1, spec: {}}\n---\n{kind: List, apiVersion: v1}\n`;
  const { objects, ignored } = parseObjects(text, "input.yaml");
  assert.deepEqual(objects, []);
  assert.deepEqual(Object.fromEntries(ignored), {
    Deployment: 1,
    Pod: 3,
    "Service.serving.knative.dev": 1,
    AllowList: 1,
  });
});

test("keys that mean something to JavaScript are fields like others", () => {
  for (const [text, file] of [
    [
      '{"apiVersion":"v1","kind":"Node","metadata":{"name":"a","labels":{"__proto__":"x","constructor":"y"}}}',
      "a.json",
    ],
    ["apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: {__proto__: x, constructor: y}}\n", "a.yaml"],
  ] as const) {
    const [object] = objectsOf(text, file);
    assert.deepEqual(Object.entries(object!.metadata.labels), [
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  }
});

test("JSON is recognised by its look, whatever the file is called", () => {
  const text = readFileSync(boutiqueJson, "utf8");
  assert.deepEqual(objectsOf(text, "stdin"), objectsOf(text, "cluster.json"));
  assert.deepEqual(namesOf("{kind: Node, apiVersion: v1, metadata: {name: a}}", "stdin"), ["Node /a"]);
});

test("a real cluster's YAML and JSON are the same objects", () => {
  const fromYaml = parseObjects(readFileSync(boutiqueYaml, "utf8"), boutiqueYaml);
  assert.deepEqual(parseObjects(readFileSync(boutiqueJson, "utf8"), boutiqueJson), fromYaml);
  const count = (kind: string): number => fromYaml.objects.filter((object) => object.kind === kind).length;
  assert.deepEqual(["Service", "EndpointSlice", "Node"].map(count), [14, 14, 6]);
  assert.deepEqual(fromYaml.ignored, new Map());
});

test("every object of every recorded scenario is read", () => {
  assert.ok(recordedFiles.length >= 150, `${recordedFiles.length} files`);
  for (const file of [boutiqueServiceCidrs, ...recordedFiles]) {
    const text = readFileSync(file, "utf8");
    const { objects, ignored } = parseObjects(text, file);
    assert.equal(objects.length + (ignored.get("Pod") ?? 0), text.match(/^(?:- |  )?kind: (?!List)/gm)!.length, file);
  }
});
