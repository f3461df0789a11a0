import assert from "node:assert/strict";
import type { ServicePort } from "../../src/model/service-port.ts";
import { formatCidr } from "../../src/net/cidr.ts";
import { type Family, formatIp } from "../../src/net/ip.ts";
import { service } from "../support/objects.ts";
import { suite } from "../support/suite.ts";
import { onlyPort } from "./seen.ts";

const dual = { clusterIPs: ["10.96.0.10", "fd00:10:96::10"] };

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
