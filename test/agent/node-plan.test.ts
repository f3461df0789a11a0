/** What a kernel needs to be told besides the program. */
import assert from "node:assert/strict";
import { planNode } from "../../src/agent/plan.ts";
import type { IptablesOptions } from "../../src/modes/iptables/options.ts";
import { formatSocketAddr } from "../../src/net/flow.ts";
import { seen } from "../model/seen.ts";
import { endpoint, node, service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";

const test = suite("agent: the plan for a kernel");

const dns = [
  node(),
  service({
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.10", "fd00:96::10"],
    ports: [
      { name: "dns", protocol: "UDP", port: 53, nodePort: 30053 },
      { name: "http", protocol: "TCP", port: 80 },
    ],
    externalIPs: ["1.2.3.4"],
    ingress: [{ ip: "5.6.7.8" }],
    externalTrafficPolicy: "Local",
  }),
  slice({
    ports: [
      { name: "dns", protocol: "UDP", port: 5353 },
      { name: "http", protocol: "TCP", port: 8080 },
    ],
    endpoints: [
      endpoint("10.0.0.1", { nodeName: "elsewhere" }),
      endpoint("10.0.0.2", { ready: false, serving: true, terminating: true }),
      endpoint("10.0.0.3", { ready: false, serving: false }),
    ],
  }),
];

test("of a UDP service all endpoints that serve are named, wherever they are, and all of its addresses", () => {
  const services = planNode(seen(dns), "iptables").udpServices!.map(({ addrs, nodePort, endpoints }) => [
    addrs.map(formatSocketAddr).join(" "),
    nodePort,
    endpoints.map(formatSocketAddr).join(" "),
  ]);
  assert.deepEqual(services, [
    ["10.96.0.10:53 1.2.3.4:53 5.6.7.8:53", 30053, "10.0.0.1:5353 10.0.0.2:5353"],
    ["[fd00:96::10]:53", 30053, ""],
  ]);
  assert.deepEqual(planNode(seen(dns), "userspace").udpServices, []);
});

const routing = [{ path: "net/ipv4/conf/all/route_localnet", value: 1 }];
const liberal = [{ path: "net/netfilter/nf_conntrack_tcp_be_liberal", value: 1 }];

for (const [given, expected] of [
  [{}, routing],
  [{ localhostNodePorts: false }, []],
  [{ nodePortAddresses: ["192.168.0.0/16"] }, []],
  [{ nodePortAddresses: ["127.0.0.0/8"] }, routing],
  [{ tcpBeLiberal: true }, [...routing, ...liberal]],
] as readonly (readonly [IptablesOptions, readonly object[]])[]) {
  test(`node ports on loopback need it routed: ${JSON.stringify(given)}`, () => {
    assert.deepEqual(planNode(seen(dns), "iptables", { iptables: given }).sysctls, expected);
  });
}
