import assert from "node:assert/strict";
import type { ClusterObject, Service } from "../../src/cluster/objects.ts";
import { diffModels } from "../../src/model/diff.ts";
import { service, slice } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { lines, onlyPort, seen } from "./seen.ts";

const PROXY_NAME = "service.kubernetes.io/service-proxy-name";
const HEADLESS = "service.kubernetes.io/headless";
const dual = { clusterIPs: ["10.96.0.10", "fd00:10:96::10"] };
const v4 = "default/web:http tcp 10.96.0.10:80";
const v6 = "default/web:http tcp [fd00:10:96::10]:80";

const proxied = suite("model: which Services are proxied, and at which address");
const proxiedCases: readonly { it: string; given: readonly ClusterObject[]; ip4?: string[]; ip6?: string[] }[] = [
  { it: "a ClusterIP Service is, even without endpoints", given: [service()], ip4: [v4] },
  { it: "a headless one is not", given: [service({ clusterIP: "None", clusterIPs: ["None"] })] },
  { it: "one without a cluster IP is not", given: [service({ clusterIP: undefined, clusterIPs: undefined })] },
  { it: "one with an empty cluster IP is not", given: [service({ clusterIP: "" })] },
  { it: "one whose cluster IP is no address is not", given: [service({ clusterIP: "10.96.0", ipFamilies: ["IPv4"] })] },
  { it: "an ExternalName is not, even with a cluster IP", given: [service({ type: "ExternalName" })] },
  { it: "one that another proxy looks after is not", given: [service({ labels: { [PROXY_NAME]: "other" } })] },
  { it: "an empty proxy name is a proxy name too", given: [service({ labels: { [PROXY_NAME]: "" } })] },
  {
    it: "the label for headless ones does not hide a Service that has an address",
    given: [service({ labels: { [HEADLESS]: "" } }), slice({ endpoints: ["10.244.1.1"] })],
    ip4: [`${v4} 10.244.1.1:8080`],
  },
  {
    it: "but the same label hides a slice",
    given: [service(), slice({ labels: { [HEADLESS]: "" }, endpoints: ["10.244.1.1"] })],
    ip4: [v4],
  },
  {
    it: "and the label of another proxy does not hide a slice",
    given: [service(), slice({ labels: { [PROXY_NAME]: "other" }, endpoints: ["10.244.1.1"] })],
    ip4: [`${v4} 10.244.1.1:8080`],
  },
  { it: "a dual-stack one is, in each family at its own address", given: [service(dual)], ip4: [v4], ip6: [v6] },
  {
    it: "the second address belongs to the second family",
    given: [service({ clusterIPs: [...dual.clusterIPs].reverse() })],
    ip4: [v4],
    ip6: [v6],
  },
  { it: "an IPv6 one is in IPv6 only", given: [service({ clusterIPs: ["fd00:10:96::10"] })], ip6: [v6] },
  {
    it: "without families the cluster IP tells its own",
    given: [service({ ...dual, ipFamilies: undefined })],
    ip4: [v4],
  },
  {
    it: "without the list of addresses the cluster IP stands in",
    given: [service({ clusterIPs: undefined })],
    ip4: [v4],
  },
  {
    it: "a family beyond the listed addresses has none",
    given: [service({ clusterIPs: ["10.96.0.10"], ipFamilies: ["IPv4", "IPv6"] })],
    ip4: [v4],
  },
  {
    it: "endpoints of one family stay in it",
    given: [
      service(dual),
      slice({ endpoints: ["10.244.1.1"] }),
      slice({ addressType: "IPv6", endpoints: ["fd00:10:244::1"] }),
    ],
    ip4: [`${v4} 10.244.1.1:8080`],
    ip6: [`${v6} [fd00:10:244::1]:8080`],
  },
];
for (const { it, given, ip4 = [], ip6 = [] } of proxiedCases) {
  proxied(it, () => {
    const { servicePorts } = seen(given);
    assert.deepEqual({ ip4: lines(servicePorts[4]), ip6: lines(servicePorts[6]) }, { ip4, ip6 });
  });
}

const ports = suite("model: the ports of a Service");
const portCases: readonly { it: string; given: readonly ClusterObject[]; expect: readonly string[] }[] = [
  {
    it: "an unnamed port goes by the name of its Service",
    given: [service({ ports: [{ port: 80 }] })],
    expect: ["default/web tcp 10.96.0.10:80"],
  },
  {
    it: "an unset protocol is TCP",
    given: [
      service({ ports: [{ name: "http", port: 80 }] }),
      slice({ ports: [{ name: "http", port: 1 }], endpoints: ["10.0.0.1"] }),
    ],
    expect: [`${v4} 10.0.0.1:1`],
  },
  {
    it: "the protocol is not part of the name, yet tells ports apart",
    given: [
      service({
        ports: [
          { name: "dns", protocol: "SCTP", port: 53 },
          { name: "dns", protocol: "UDP", port: 53 },
          { name: "dns", protocol: "TCP", port: 53 },
        ],
      }),
    ],
    expect: ["tcp", "udp", "sctp"].map((proto) => `default/web:dns ${proto} 10.96.0.10:53`),
  },
  {
    it: "of two ports with one name and protocol the last counts",
    given: [
      service({
        ports: [
          { name: "http", port: 80 },
          { name: "http", port: 81 },
        ],
      }),
    ],
    expect: ["default/web:http tcp 10.96.0.10:81"],
  },
  {
    it: "service ports come in order of the printed name, by code",
    given: [
      service({ namespace: "b", name: "a" }),
      service({ namespace: "a", name: "web" }),
      service({ namespace: "a", name: "web-2" }),
      service({
        namespace: "a",
        name: "web",
        ports: [
          { name: "p", port: 1 },
          { name: "P", port: 2 },
        ],
      }),
    ],
    expect: [
      "a/web-2:http tcp 10.96.0.10:80",
      "a/web:P tcp 10.96.0.10:2",
      "a/web:p tcp 10.96.0.10:1",
      "b/a:http tcp 10.96.0.10:80",
    ],
  },
];
for (const { it, given, expect } of portCases) {
  ports(it, () => assert.deepEqual(lines(seen(given).servicePorts[4]), expect));
}

const changes = suite("model: Services that come, change and go");

/** Four Services with ten ports, one of them with a health check port. */
const ten: readonly Service[] = [
  service({
    name: "cluster-ip",
    ports: [
      { name: "one", protocol: "UDP", port: 1234, nodePort: 4321 },
      { name: "two", protocol: "UDP", port: 1235, nodePort: 5321 },
      { name: "three", protocol: "SCTP", port: 1235 },
    ],
  }),
  service({
    name: "node-port",
    type: "NodePort",
    ports: [
      { name: "one", protocol: "UDP", port: 345, nodePort: 30_345 },
      { name: "two", protocol: "TCP", port: 344, nodePort: 30_344 },
      { name: "three", protocol: "SCTP", port: 343 },
    ],
  }),
  service({
    name: "load-balancer",
    type: "LoadBalancer",
    ports: [
      { name: "one", protocol: "UDP", port: 8675 },
      { name: "two", protocol: "UDP", port: 8676 },
    ],
    ingress: [{ ip: "10.1.2.4" }],
  }),
  service({
    name: "only-local",
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 345,
    ports: [
      { name: "one", protocol: "UDP", port: 8677 },
      { name: "two", protocol: "UDP", port: 8678 },
    ],
    ingress: [{ ip: "10.1.2.3" }],
  }),
];

changes("four Services with ten ports are ten service ports; nine go when one port is left", () => {
  const left = service({ name: "cluster-ip", ports: [{ name: "two", protocol: "UDP", port: 1235 }] });
  const { added, removed, changed } = diffModels(seen(ten), seen([left]))[4];
  assert.deepEqual([added.length, removed.length], [0, 9]);
  assert.deepEqual(
    changed.map(({ after, fields }) => ({ name: after.name, fields })),
    [{ name: "default/cluster-ip:two", fields: ["nodePort"] }],
  );
});

changes("a health check port is the Service's, so each of its ports tells it", () => {
  const withCheck = seen(ten).servicePorts[4].filter(({ healthCheckNodePort }) => healthCheckNodePort !== 0);
  assert.deepEqual(
    withCheck.map(({ name, healthCheckNodePort }) => `${name} ${healthCheckNodePort}`),
    ["default/only-local:one 345", "default/only-local:two 345"],
  );
});

changes("of two states of one Service the later counts: ClusterIP, LoadBalancer with policy Local, ClusterIP", () => {
  const local = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 345 } as const;
  assert.equal(onlyPort([service(), service(local)]).healthCheckNodePort, 345);
  assert.equal(onlyPort([service(), service(local), service(local)]).healthCheckNodePort, 345);
  assert.equal(onlyPort([service(local), service()]).healthCheckNodePort, 0);
});
