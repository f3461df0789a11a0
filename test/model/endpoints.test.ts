import assert from "node:assert/strict";
import type { ClusterObject, EndpointSlice } from "../../src/cluster/objects.ts";
import type { Endpoint } from "../../src/model/service-port.ts";
import type { Family } from "../../src/net/ip.ts";
import { endpoint, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { lines, onlyPort, seen, texts } from "./seen.ts";

const sorting = suite("model: the endpoints of a service port");
const http = { name: "http", protocol: "TCP", port: 8080 } as const;
const unlabelled: EndpointSlice = {
  ...slice({ endpoints: ["10.0.0.1"] }),
  metadata: { ...slice().metadata, labels: {} },
};
const noName: EndpointSlice = { ...slice({ endpoints: ["10.0.0.1"] }), metadata: { ...slice().metadata, name: "" } };

const cases: readonly { it: string; given: readonly ClusterObject[]; family?: Family; expect: readonly string[] }[] = [
  {
    it: "are sorted by the text of address and port, not by number",
    given: [slice({ ports: [{ ...http, port: 22 }], endpoints: ["10.2.2.2", "10.2.2.22", "10.2.2.3", "9.2.2.2"] })],
    expect: ["10.2.2.22:22", "10.2.2.2:22", "10.2.2.3:22", "9.2.2.2:22"],
  },
  {
    it: "have brackets around an IPv6 address, in canonical form",
    given: [slice({ addressType: "IPv6", endpoints: ["FD00:0::0:2", "fd00::1"] })],
    family: 6,
    expect: ["[fd00::1]:8080", "[fd00::2]:8080"],
  },
  {
    it: "may have leading zeros, which are decimal",
    given: [slice({ endpoints: ["10.180.00.001"] })],
    expect: ["10.180.0.1:8080"],
  },
  { it: "are none without a slice", given: [], expect: [] },
  { it: "of another Service do not count", given: [slice({ service: "api", endpoints: ["10.0.0.1"] })], expect: [] },
  {
    it: "of a Service of that name in another namespace do not count",
    given: [slice({ namespace: "other", endpoints: ["10.0.0.1"] })],
    expect: [],
  },
  { it: "of a slice without the label do not count", given: [unlabelled], expect: [] },
  {
    it: "of a slice with an empty label do not count",
    given: [slice({ service: "", endpoints: ["10.0.0.1"] })],
    expect: [],
  },
  { it: "of a slice without a name do not count", given: [noName], expect: [] },
  {
    it: "of a slice of host names do not count",
    given: [slice({ addressType: "FQDN", endpoints: ["10.0.0.1"] })],
    expect: [],
  },
  {
    it: "come from all slices of the Service",
    given: [slice({ name: "a", endpoints: ["10.0.0.3", "10.0.0.1"] }), slice({ name: "b", endpoints: ["10.0.0.2"] })],
    expect: ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"],
  },
  {
    it: "may have one address at two ports, from two slices",
    given: [
      slice({ name: "a", endpoints: ["10.0.0.1"] }),
      slice({ name: "b", ports: [{ ...http, port: 9090 }], endpoints: ["10.0.0.1"] }),
    ],
    expect: ["10.0.0.1:8080", "10.0.0.1:9090"],
  },
  {
    it: "may have one address at two ports of the same name in one slice",
    given: [slice({ ports: [http, { ...http, port: 9090 }], endpoints: ["10.0.0.1"] })],
    expect: ["10.0.0.1:8080", "10.0.0.1:9090"],
  },
  {
    it: "are matched by port name",
    given: [slice({ ports: [{ ...http, name: "https" }], endpoints: ["10.0.0.1"] })],
    expect: [],
  },
  {
    it: "are matched by protocol",
    given: [slice({ ports: [{ ...http, protocol: "UDP" }], endpoints: ["10.0.0.1"] })],
    expect: [],
  },
  {
    it: "are not matched to a port without a name",
    given: [slice({ ports: [{ protocol: "TCP", port: 8080 }], endpoints: ["10.0.0.1"] })],
    expect: [],
  },
  {
    it: "are not matched to a port without a number, or with number 0",
    given: [
      slice({
        ports: [
          { name: "http", protocol: "TCP" },
          { ...http, port: 0 },
        ],
        endpoints: ["10.0.0.1"],
      }),
    ],
    expect: [],
  },
  {
    it: "are known by their first address alone",
    given: [slice({ endpoints: [endpoint(["10.0.0.1", "10.0.0.2"])] })],
    expect: ["10.0.0.1:8080"],
  },
  {
    it: "are ignored without a usable address",
    given: [slice({ endpoints: [endpoint([]), endpoint("blah"), endpoint("10.0.0.1")] })],
    expect: ["10.0.0.1:8080"],
  },
  {
    it: "are of the family that their slice says, whatever their address",
    given: [slice({ endpoints: ["fd00::1", "10.0.0.1"] }), slice({ addressType: "IPv6", endpoints: ["10.0.0.2"] })],
    expect: ["10.0.0.1:8080", "[fd00::1]:8080"],
  },
];
for (const { it, given, family = 4, expect } of cases) {
  const web = service({ clusterIPs: ["10.96.0.10", "fd00:10:96::10"] });
  sorting(it, () => assert.deepEqual(texts(onlyPort([web, ...given], family).endpoints), expect));
}

sorting("of an unnamed port are matched by the empty name", () => {
  const given = [
    service({ ports: [{ port: 80 }] }),
    slice({ ports: [{ ...http, name: "" }], endpoints: ["10.0.0.1"] }),
  ];
  assert.deepEqual(texts(onlyPort(given).endpoints), ["10.0.0.1:8080"]);
});

sorting("of one slice go to each of its ports", () => {
  const web = service({
    ports: [
      { name: "http", port: 80 },
      { name: "dns", protocol: "UDP", port: 53 },
      { name: "dns-tcp", protocol: "TCP", port: 53 },
    ],
  });
  const ports = [http, { name: "dns", protocol: "UDP", port: 5353 }] as const;
  const found = seen([web, slice({ ports, endpoints: ["10.0.0.1"] })]).servicePorts[4];
  assert.deepEqual(lines(found), [
    "default/web:dns udp 10.96.0.10:53 10.0.0.1:5353",
    "default/web:dns-tcp tcp 10.96.0.10:53",
    "default/web:http tcp 10.96.0.10:80 10.0.0.1:8080",
  ]);
});

const conditions = suite("model: what an endpoint says of itself");
const unset = { ready: undefined, serving: undefined, terminating: undefined };
const sayings: readonly { it: string; given: Parameters<typeof endpoint>[1]; expect: Partial<Endpoint> }[] = [
  {
    it: "unset conditions: ready, serving, not terminating",
    given: unset,
    expect: { ready: true, serving: true, terminating: false },
  },
  {
    it: "serving that is unset does not follow ready",
    given: { ...unset, ready: false },
    expect: { ready: false, serving: true },
  },
  { it: "ready is what it says", given: { ready: false, serving: false }, expect: { ready: false, serving: false } },
  { it: "terminating is what it says", given: { ready: false, terminating: true }, expect: { terminating: true } },
  { it: "on this node it is local", given: { nodeName: "node-a" }, expect: { isLocal: true, nodeName: "node-a" } },
  { it: "on another node it is not", given: { nodeName: "node-b" }, expect: { isLocal: false, nodeName: "node-b" } },
  { it: "on no node it is not local", given: {}, expect: { isLocal: false, nodeName: undefined } },
  {
    it: "hints may name zones and nodes",
    given: { forZones: ["z"], forNodes: ["n"] },
    expect: { zoneHints: ["z"], nodeHints: ["n"] },
  },
  { it: "hints may be missing", given: {}, expect: { zoneHints: [], nodeHints: [] } },
];
for (const { it, given, expect } of sayings) {
  conditions(it, () => {
    const [found] = onlyPort([service(), slice({ endpoints: [endpoint("10.0.0.1", given)] })]).endpoints;
    assert.deepEqual({ ...found, ...expect }, found);
  });
}

conditions("for a node without a name nothing is local", () => {
  const nameless = slice({ endpoints: [endpoint("10.0.0.1", { nodeName: "" }), endpoint("10.0.0.2")] });
  const [port] = seen([service(), nameless], "").servicePorts[4];
  assert.deepEqual(
    port!.endpoints.map(({ isLocal }) => isLocal),
    [false, false],
  );
});

const duplicates = suite("model: the same address and port twice");
const live = (node: string) => endpoint("10.0.0.1", { nodeName: node });
const going = (node: string) => endpoint("10.0.0.1", { nodeName: node, ready: false, terminating: true });
const pairs: readonly { it: string; given: readonly EndpointSlice[]; expect: string }[] = [
  {
    it: "of two live ones the later slice's counts, in order of name",
    given: [slice({ name: "b", endpoints: [live("late")] }), slice({ name: "a", endpoints: [live("early")] })],
    expect: "late",
  },
  {
    it: "locality plays no part",
    given: [slice({ name: "a", endpoints: [live("node-a")] }), slice({ name: "b", endpoints: [live("node-b")] })],
    expect: "node-b",
  },
  {
    it: "a live one keeps its place against a later one that is terminating",
    given: [slice({ name: "a", endpoints: [live("live")] }), slice({ name: "b", endpoints: [going("going")] })],
    expect: "live",
  },
  {
    it: "a live one takes the place of an earlier one that is terminating",
    given: [slice({ name: "a", endpoints: [going("going")] }), slice({ name: "b", endpoints: [live("live")] })],
    expect: "live",
  },
  {
    it: "of two terminating ones the earlier counts",
    given: [slice({ name: "a", endpoints: [going("early")] }), slice({ name: "b", endpoints: [going("late")] })],
    expect: "early",
  },
  {
    it: "within one slice a pod that was given the address of a terminating one counts",
    given: [slice({ endpoints: [live("live"), going("going")] })],
    expect: "live",
  },
  {
    it: "two spellings of one address are one address",
    given: [slice({ endpoints: [live("first"), endpoint("10.00.0.01", { nodeName: "second" })] })],
    expect: "second",
  },
];
for (const { it, given, expect } of pairs) {
  duplicates(it, () => {
    const { endpoints } = onlyPort([service(), ...given]);
    assert.deepEqual(
      endpoints.map(({ nodeName }) => nodeName),
      [expect],
    );
  });
}
