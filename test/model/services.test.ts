import assert from "node:assert/strict";
import type { ClusterObject, Service } from "../../src/cluster/objects.ts";
import { diffModels } from "../../src/model/diff.ts";
import type { ServicePort } from "../../src/model/service-port.ts";
import { formatCidr } from "../../src/net/cidr.ts";
import { type Family, formatIp } from "../../src/net/ip.ts";
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

/** The fields of a service port that a row looks at, with addresses as text. */
interface Fields extends Partial<Omit<ServicePort, "externalIps" | "loadBalancerIps" | "sourceRanges">> {
  externalIps?: string[];
  loadBalancerIps?: string[];
  sourceRanges?: string[];
}

const fields = suite("model: what the fields of a Service mean");
const fieldCases: readonly { it: string; given: Parameters<typeof service>[0]; family?: Family; expect: Fields }[] = [
  {
    it: "unset policies are Cluster, unset affinity is none",
    given: { type: undefined, sessionAffinity: undefined, internalTrafficPolicy: undefined },
    expect: { internalLocal: false, externalLocal: false, affinitySeconds: 0, nodePort: 0, healthCheckNodePort: 0 },
  },
  {
    it: "affinity None has no time, whatever is configured",
    given: { sessionAffinity: "None", affinityTimeoutSeconds: 60 },
    expect: { affinitySeconds: 0 },
  },
  {
    it: "affinity ClientIP lasts as long as it says",
    given: { sessionAffinity: "ClientIP", affinityTimeoutSeconds: 86_400 },
    expect: { affinitySeconds: 86_400 },
  },
  {
    it: "affinity ClientIP without a time lasts three hours",
    given: { sessionAffinity: "ClientIP" },
    expect: { affinitySeconds: 10_800 },
  },
  {
    it: "external IPs are those of the family; what is no address is left out",
    given: { externalIPs: ["1.2.3.4", "", " 5.6.7.8", "2001:db8::4", "blah", "5.6.7.8"] },
    expect: { externalIps: ["1.2.3.4", "5.6.7.8"], externallyAccessible: true },
  },
  {
    it: "external IPs of the other family do not make this family accessible",
    given: { ...dual, externalIPs: ["1.2.3.4"] },
    family: 6,
    expect: { externalIps: [], externallyAccessible: false },
  },
  {
    it: "load balancer addresses are those of the family that arrive unchanged; host names have none",
    given: {
      type: "LoadBalancer",
      ingress: [{ ip: "1.2.3.4" }, {}, { ip: "" }, { ip: "::1" }, { ip: "5.6.7.8", ipMode: "VIP" }],
    },
    expect: { loadBalancerIps: ["1.2.3.4", "5.6.7.8"], externallyAccessible: true },
  },
  {
    it: "an ingress with ipMode Proxy is not the node's business",
    given: { type: "LoadBalancer", ingress: [{ ip: "1.2.3.4", ipMode: "Proxy" }] },
    expect: { loadBalancerIps: [], externallyAccessible: false },
  },
  {
    it: "source ranges are trimmed, their host bits cleared, bad ones and those of the other family left out",
    given: {
      loadBalancerSourceRanges: [" 203.0.113.9/25", "10.0.0.0/8\t", "2001:db8::/32", "10.0.0.1", "10.0.0.0/33"],
    },
    expect: { sourceRanges: ["203.0.113.0/25", "10.0.0.0/8"] },
  },
  {
    it: "source ranges of the other family only are none in this one",
    given: { loadBalancerSourceRanges: ["2001:db8::/32"] },
    expect: { sourceRanges: [] },
  },
  {
    it: "IPv6 source ranges are written canonically",
    given: { clusterIPs: ["fd00:10:96::10"], loadBalancerSourceRanges: ["2001:DB8:0::1/32", "10.0.0.0/8"] },
    family: 6,
    expect: { sourceRanges: ["2001:db8::/32"] },
  },
  {
    it: "internalTrafficPolicy Local counts for every type",
    given: { internalTrafficPolicy: "Local" },
    expect: { internalLocal: true, usesLocalEndpoints: true, usesClusterEndpoints: false },
  },
  {
    it: "externalTrafficPolicy Local counts for a NodePort",
    given: { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ name: "http", port: 80, nodePort: 30_080 }] },
    expect: { nodePort: 30_080, externalLocal: true, usesLocalEndpoints: true, usesClusterEndpoints: true },
  },
  {
    it: "externalTrafficPolicy Local counts for a ClusterIP with external IPs",
    given: { externalTrafficPolicy: "Local", externalIPs: ["1.2.3.4"] },
    expect: { externalLocal: true, usesLocalEndpoints: true },
  },
  {
    it: "an unset type is ClusterIP",
    given: { type: undefined, externalTrafficPolicy: "Local", externalIPs: ["1.2.3.4"] },
    expect: { externalLocal: true },
  },
  {
    it: "the external IPs of the other family count for the policy, not for this family's accessibility",
    given: { externalTrafficPolicy: "Local", externalIPs: ["2001:db8::4"] },
    expect: { externalLocal: true, externallyAccessible: false, usesLocalEndpoints: false },
  },
  {
    it: "externalTrafficPolicy Local does not count for a ClusterIP without external IPs",
    given: { externalTrafficPolicy: "Local", ports: [{ name: "http", port: 80, nodePort: 30_080 }] },
    expect: { externalLocal: false, externallyAccessible: true, usesLocalEndpoints: false },
  },
  {
    it: "a LoadBalancer without addresses or node port has policy Local, and nothing to apply it to",
    given: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
    expect: { externalLocal: true, externallyAccessible: false, usesLocalEndpoints: false, usesClusterEndpoints: true },
  },
  {
    it: "healthCheckNodePort counts for a LoadBalancer with policy Local",
    given: { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 345 },
    expect: { healthCheckNodePort: 345 },
  },
  {
    it: "a LoadBalancer with policy Local may lack a healthCheckNodePort",
    given: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
    expect: { healthCheckNodePort: 0 },
  },
  {
    it: "healthCheckNodePort does not count with policy Cluster",
    given: { type: "LoadBalancer", externalTrafficPolicy: "Cluster", healthCheckNodePort: 345 },
    expect: { healthCheckNodePort: 0 },
  },
  {
    it: "healthCheckNodePort does not count for a NodePort",
    given: { type: "NodePort", externalTrafficPolicy: "Local", healthCheckNodePort: 345 },
    expect: { healthCheckNodePort: 0 },
  },
  {
    it: "octets with leading zeros are decimal, and everything is written canonically",
    given: {
      type: "LoadBalancer",
      clusterIP: "172.30.0.041",
      externalIPs: ["192.168.099.022"],
      ingress: [{ ip: "1.2.3.004" }],
      loadBalancerSourceRanges: ["203.0.113.000/025"],
    },
    expect: { externalIps: ["192.168.99.22"], loadBalancerIps: ["1.2.3.4"], sourceRanges: ["203.0.113.0/25"] },
  },
];
for (const { it, given, family = 4, expect } of fieldCases) {
  fields(it, () => {
    const port = onlyPort([service(given)], family);
    const written = {
      ...port,
      externalIps: port.externalIps.map(formatIp),
      loadBalancerIps: port.loadBalancerIps.map(formatIp),
      sourceRanges: port.sourceRanges.map(formatCidr),
    };
    const looked = Object.fromEntries(Object.keys(expect).map((key) => [key, written[key as keyof Fields]]));
    assert.deepEqual(looked, expect);
  });
}

fields("a cluster IP with leading zeros is written canonically", () => {
  assert.equal(formatIp(onlyPort([service({ clusterIP: "172.30.0.041" })]).clusterIp), "172.30.0.41");
});

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
