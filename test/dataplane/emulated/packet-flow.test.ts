/** Where packets go, by the facts that kube-proxy's own packet-flow tests assert. */
import assert from "node:assert/strict";
import type { ClusterObject, SliceEndpoint } from "../../../src/cluster/objects.ts";
import type { IptablesOptions } from "../../../src/modes/iptables/options.ts";
import { type Protocol, SCTP, TCP, UDP } from "../../../src/net/flow.ts";
import { endpoint, node, service, slice } from "../../support/objects.ts";
import { suite } from "../../support/suite.ts";
import { type Reach, reachIn } from "./reach.ts";

const test = suite("emulated iptables: where packets go");

const pod = "10.0.0.2";
const self = "192.168.0.2";
const outside = "203.0.113.2";
const blocked = "203.0.113.130";
const byPods = { detectLocal: { by: "cluster-cidr", ranges: ["10.0.0.0/8"] } } as const;

const testNode = node({
  addresses: [
    { type: "InternalIP", address: self },
    { type: "InternalIP", address: "192.168.1.2" },
    { type: "InternalIP", address: "2001:db8::1" },
  ],
});

const reachWith = (objects: readonly ClusterObject[], options: IptablesOptions = byPods): Reach =>
  reachIn([testNode, ...objects], { iptables: options });

const here = (ip: string, conditions: Partial<SliceEndpoint["conditions"]> = {}): SliceEndpoint =>
  endpoint(ip, { nodeName: "node-a", ...conditions });
const there = (ip: string, conditions: Partial<SliceEndpoint["conditions"]> = {}): SliceEndpoint =>
  endpoint(ip, { nodeName: "node-b", ...conditions });
const terminating = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };

type Given = Parameters<typeof service>[0];

/** 172.30.0.41:80, node port 3001, external 192.168.99.22 and load balancer 1.2.3.4, 5.6.7.8. */
const exposed = (given: Given = {}): ClusterObject =>
  service({
    type: "LoadBalancer",
    clusterIP: "172.30.0.41",
    ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 3001 }],
    externalIPs: ["192.168.99.22"],
    ingress: [
      { ip: "1.2.3.4", ipMode: "VIP" },
      { ip: "5.6.7.8", ipMode: "VIP" },
    ],
    ...given,
  });
const clusterIp = "172.30.0.41:80";
const externalIp = "192.168.99.22:80";
const vip = "1.2.3.4:80";
const nodePort = `${self}:3001`;

test("a service without endpoints rejects at every address", () => {
  const reach = reachWith([exposed()]);
  assert.equal(reach(pod, clusterIp), "reject");
  for (const to of [externalIp, vip, nodePort]) {
    assert.equal(reach(outside, to), "reject", to);
    assert.equal(reach(pod, to), "reject", to);
  }
});

test("the node's own packets to an external address without endpoints meet no rule", () => {
  const reach = reachWith([exposed()]);
  assert.equal(reach(self, clusterIp), "reject");
  assert.equal(reach(self, externalIp), "pass");
  assert.equal(reach(self, nodePort), "reject");
});

test("each port and protocol of a service goes to its own target port; what it does not have passes", () => {
  const ports = [
    { name: "dns", protocol: "UDP", port: 53 },
    { name: "dns-tcp", protocol: "TCP", port: 53 },
    { name: "dns-sctp", protocol: "SCTP", port: 53 },
    { name: "https", protocol: "TCP", port: 443 },
  ] as const;
  const targets = [
    { name: "dns", protocol: "UDP", port: 53 },
    { name: "dns-tcp", protocol: "TCP", port: 5353 },
    { name: "dns-sctp", protocol: "SCTP", port: 5453 },
    { name: "https", protocol: "TCP", port: 8443 },
  ] as const;
  const objects = [service({ clusterIP: "172.30.0.41", ports }), slice({ ports: targets, endpoints: ["10.180.0.1"] })];
  const reach = reachWith(objects);
  const cases: readonly [number, Protocol, string][] = [
    [53, TCP, "10.180.0.1:5353"],
    [53, UDP, "10.180.0.1:53"],
    [53, SCTP, "10.180.0.1:5453"],
    [443, TCP, "10.180.0.1:8443"],
    [443, UDP, "pass"],
    [80, TCP, "pass"],
  ];
  for (const [port, proto, expected] of cases) assert.equal(reach(pod, `172.30.0.41:${port}`, proto), expected);
  assert.equal(reach(pod, "172.30.0.42:53"), "pass");
});

test("source ranges guard the load balancer's addresses alone", () => {
  const loadBalancerSourceRanges = ["192.168.0.0/24", " 203.0.113.0/25"];
  const reach = reachWith([exposed({ loadBalancerSourceRanges }), slice({ endpoints: ["10.180.0.1"] })]);
  assert.equal(reach(pod, clusterIp), "10.180.0.1:8080");
  for (const from of [outside, blocked]) assert.equal(reach(from, nodePort), "10.180.0.1:8080 m", from);
  for (const to of [vip, "5.6.7.8:80"]) {
    assert.equal(reach(outside, to), "10.180.0.1:8080 m");
    assert.equal(reach(blocked, to), "drop");
    assert.equal(reach(pod, to), "drop");
    assert.equal(reach(self, to), "10.180.0.1:8080 m");
  }
  assert.equal(reach("1.2.3.4", vip), "10.180.0.1:8080 m");
  assert.equal(reach(blocked, externalIp), "10.180.0.1:8080 m");
});

const nodePortCases: readonly { name: string; options: IptablesOptions; reached: readonly string[] }[] = [
  { name: "all addresses", options: {}, reached: ["127.0.0.1", self, "192.168.1.2", "2001:db8::1"] },
  {
    name: "no localhost",
    options: { localhostNodePorts: false },
    reached: [self, "192.168.1.2", "2001:db8::1"],
  },
  {
    name: "one range, IPv4",
    options: { nodePortAddresses: ["192.168.0.0/24"] },
    reached: [self, "2001:db8::1"],
  },
  {
    name: "a range with loopback",
    options: { nodePortAddresses: ["127.0.0.0/8", "192.168.1.0/24"] },
    reached: ["127.0.0.1", "192.168.1.2", "2001:db8::1"],
  },
  {
    name: "a range that holds no local address, IPv6",
    options: { nodePortAddresses: ["2001:db8:2::/64"] },
    reached: ["127.0.0.1", self, "192.168.1.2"],
  },
];

for (const { name, options, reached } of nodePortCases) {
  test(`node ports answer where they are asked to: ${name}`, () => {
    const dual = service({
      type: "NodePort",
      clusterIPs: ["172.30.0.41", "fd00:172:30::41"],
      ports: [{ name: "http", protocol: "TCP", port: 80, nodePort: 3001 }],
    });
    const slices = [
      slice({ endpoints: ["10.180.0.1"] }),
      slice({ addressType: "IPv6", endpoints: ["fd00:10:180::1"] }),
    ];
    const reach = reachWith([dual, ...slices], { ...byPods, ...options });
    const seen = ["127.0.0.1", self, "192.168.1.2", "::1", "2001:db8::1"].filter((ip) => {
      const from = ip === "127.0.0.1" || ip === "::1" ? ip : ip.includes(":") ? "2001:db8:9::9" : outside;
      return reach(from, ip.includes(":") ? `[${ip}]:3001` : `${ip}:3001`) !== "pass";
    });
    assert.deepEqual(seen, reached);
  });
}

test("external policy Local: outsiders reach the local endpoint unmasqueraded, pods reach all", () => {
  const endpoints = [here("10.180.0.1"), there("10.180.1.1")];
  const reach = reachWith([exposed({ externalTrafficPolicy: "Local" }), slice({ endpoints })]);
  for (const to of [externalIp, vip, nodePort]) {
    assert.equal(reach(pod, to), "10.180.0.1:8080, 10.180.1.1:8080", to);
    assert.equal(reach(outside, to), "10.180.0.1:8080", to);
  }
});

test("external policy Local without a local endpoint: dropped for outsiders, not for pods and the node", () => {
  const reach = reachWith([exposed({ externalTrafficPolicy: "Local" }), slice({ endpoints: [there("10.180.1.1")] })]);
  for (const to of [externalIp, vip, nodePort]) {
    assert.equal(reach(outside, to), "drop", to);
    assert.equal(reach(pod, to), "10.180.1.1:8080", to);
    assert.equal(reach(self, to), "10.180.1.1:8080 m", to);
  }
});

const internal: readonly { name: string; endpoints: readonly SliceEndpoint[]; expected: string }[] = [
  { name: "one local", endpoints: [here("10.0.1.1"), there("10.0.1.2")], expected: "10.0.1.1:8080" },
  {
    name: "two local",
    endpoints: [here("10.0.1.1"), here("10.0.1.2"), there("10.0.1.3")],
    expected: "10.0.1.1:8080, 10.0.1.2:8080",
  },
  { name: "none local", endpoints: [there("10.0.1.1")], expected: "drop" },
  { name: "none", endpoints: [], expected: "reject" },
];

for (const { name, endpoints, expected } of internal) {
  test(`internal policy Local, ${name}: ${expected}`, () => {
    const objects = [service({ clusterIP: "172.30.0.41", internalTrafficPolicy: "Local" }), slice({ endpoints })];
    assert.equal(reachWith(objects)(pod, clusterIp), expected);
  });
}

interface TerminatingCase {
  readonly name: string;
  readonly endpoints: readonly SliceEndpoint[];
  /** From a pod to the cluster IP, from outside to the load balancer. */
  readonly local: readonly [string, string];
  readonly cluster: readonly [string, string];
}

const terminatingCases: readonly TerminatingCase[] = [
  {
    name: "ready ones exist",
    endpoints: [here("10.0.1.1"), here("10.0.1.2", terminating), there("10.0.1.3"), there("10.0.1.4", terminating)],
    local: ["10.0.1.1:8080, 10.0.1.3:8080", "10.0.1.1:8080"],
    cluster: ["10.0.1.1:8080, 10.0.1.3:8080", "10.0.1.1:8080 m, 10.0.1.3:8080 m"],
  },
  {
    name: "the local ones only terminate",
    endpoints: [here("10.0.1.1", terminating), here("10.0.1.2", gone), there("10.0.1.3")],
    local: ["10.0.1.3:8080", "10.0.1.1:8080"],
    cluster: ["10.0.1.3:8080", "10.0.1.3:8080 m"],
  },
  {
    name: "all only terminate",
    endpoints: [here("10.0.1.1", terminating), there("10.0.1.2", terminating)],
    local: ["10.0.1.1:8080, 10.0.1.2:8080", "10.0.1.1:8080"],
    cluster: ["10.0.1.1:8080, 10.0.1.2:8080", "10.0.1.1:8080 m, 10.0.1.2:8080 m"],
  },
  {
    name: "only remote ones terminate",
    endpoints: [there("10.0.1.1", terminating)],
    local: ["10.0.1.1:8080", "drop"],
    cluster: ["10.0.1.1:8080", "10.0.1.1:8080 m"],
  },
  {
    name: "none serves any more",
    endpoints: [here("10.0.1.1", gone)],
    local: ["reject", "reject"],
    cluster: ["reject", "reject"],
  },
];

for (const { name, endpoints, local, cluster } of terminatingCases) {
  test(`terminating endpoints, ${name}`, () => {
    for (const [policy, expected] of [
      ["Local", local],
      ["Cluster", cluster],
    ] as const) {
      const reach = reachWith([exposed({ externalTrafficPolicy: policy }), slice({ endpoints })]);
      assert.deepEqual([reach(pod, clusterIp), reach(outside, vip)], expected, policy);
    }
  });
}

test("addresses of a load balancer that is a proxy are nobody's here", () => {
  const objects = (ipMode: "VIP" | "Proxy"): ClusterObject[] => [
    exposed({ ingress: [{ ip: "1.2.3.4", ipMode }] }),
    slice({ endpoints: ["10.180.0.1"] }),
  ];
  assert.equal(reachWith(objects("Proxy"))(outside, vip), "pass");
  assert.equal(reachWith(objects("VIP"))(outside, vip), "10.180.0.1:8080 m");
});

test("in ipvs mode policy Local without a local endpoint reaches all, and sources are kept", () => {
  const objects = [testNode, exposed({ externalTrafficPolicy: "Local" }), slice({ endpoints: [there("10.180.1.1")] })];
  const reach = reachIn(objects, { mode: "ipvs" });
  for (const to of [clusterIp, externalIp, vip, nodePort]) assert.equal(reach(outside, to), "10.180.1.1:8080", to);
  assert.equal(reach(outside, `${self}:3002`), "pass");
  assert.equal(reachIn([testNode, exposed()], { mode: "ipvs" })(outside, vip), "reject");
});

test("in userspace mode every ready endpoint takes turns, and sees the node", () => {
  const endpoints = ["10.180.0.1", there("10.180.1.1"), here("10.180.0.2", terminating)];
  const reach = reachIn([testNode, exposed({ externalTrafficPolicy: "Local" }), slice({ endpoints })], {
    mode: "userspace",
  });
  for (const to of [clusterIp, externalIp, vip, nodePort]) {
    assert.equal(reach(outside, to), "10.180.0.1:8080 m, 10.180.1.1:8080 m", to);
  }
  assert.equal(reachIn([testNode, exposed()], { mode: "userspace" })(outside, vip), "drop");
});
