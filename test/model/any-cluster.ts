import * as fc from "fast-check";
import type { ClusterObject, SliceEndpoint } from "../../src/cluster/objects.ts";
import { objectKey } from "../../src/cluster/state.ts";
import { endpoint, endpoints, node, service, serviceCidr, slice } from "../support/objects.ts";

/** A universe so small that objects often meet: Services share slices, slices share addresses, hints fit nodes. */
const name = fc.constantFrom("a", "b", "c");
const namespace = fc.constantFrom("default", "other");
const protocol = fc.constantFrom("TCP", "UDP", undefined);
const portName = fc.constantFrom("http", "dns", "");
const nodeName = fc.constantFrom("node-a", "node-b", undefined);
const policy = fc.constantFrom("Cluster", "Local", undefined);
const flag = fc.constantFrom(true, false, undefined);
const labels = fc.constantFrom<Record<string, string>>(
  {},
  {},
  {},
  { "service.kubernetes.io/headless": "" },
  { "service.kubernetes.io/service-proxy-name": "x" },
);
const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const ip4 = fc.constantFrom("10.0.0.1", "10.0.0.02", "10.0.0.10", "blah", "fd00::1");
const ip6 = fc.constantFrom("fd00::1", "fd00:0::2", "fd00::10", "10.0.0.1");
/** Of the family that the slice says: a kernel refuses rules with others. */
const endpointIp4 = ip4.filter((ip) => !ip.includes(":"));
const endpointIp6 = ip6.filter((ip) => ip.includes(":"));
const range = fc.constantFrom("10.0.0.0/8", " 10.1.2.3/16", "fd00::/8", "blah");

const anyService = fc
  .record({
    name,
    namespace,
    labels,
    type: fc.constantFrom("ClusterIP", "NodePort", "LoadBalancer", "ExternalName", undefined),
    clusterIPs: fc.constantFrom(["10.96.0.1"], ["fd00:96::1"], ["10.96.0.1", "fd00:96::1"], ["None"]),
    ports: some(
      fc.record({
        name: portName,
        protocol: fc.constantFrom("TCP", "UDP", "SCTP"),
        port: fc.nat(9),
        nodePort: fc.constantFrom(0, 30_000),
      }),
    ),
    externalIPs: some(fc.oneof(ip4, ip6)),
    loadBalancerSourceRanges: some(range),
    sessionAffinity: fc.constantFrom("None", "ClientIP"),
    affinityTimeoutSeconds: fc.constantFrom(60, undefined),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    healthCheckNodePort: fc.constantFrom(0, 345),
    ingress: some(fc.record({ ip: fc.oneof(ip4, ip6), ipMode: fc.constantFrom("VIP", "Proxy") })),
  })
  .map(service);

const anyEndpoint = (ip: fc.Arbitrary<string>): fc.Arbitrary<SliceEndpoint> =>
  fc
    .record({
      ready: flag,
      serving: flag,
      terminating: flag,
      nodeName,
      forZones: fc.constantFrom(["zone-a"], ["zone-b", "zone-a"], ["zone-b"], undefined),
      forNodes: fc.constantFrom(["node-a"], ["node-b"], undefined),
    })
    .chain((about) => ip.map((address) => endpoint(address, about)));

const anySlice = fc
  .record({
    service: name,
    namespace,
    labels,
    suffix: fc.nat(3),
    addressType: fc.constantFrom("IPv4", "IPv6"),
    ports: some(fc.record({ name: portName, port: fc.constantFrom(0, 8080, 9090) })),
    endpoints: fc.tuple(some(anyEndpoint(endpointIp4)), some(anyEndpoint(endpointIp6))),
    protocol,
  })
  .map(({ suffix, protocol, endpoints: [four, six], ports, ...rest }) =>
    slice({
      ...rest,
      name: `${rest.service}-${suffix}`,
      ports: ports.map((port) => (protocol === undefined ? port : Object.assign(port, { protocol }))),
      endpoints: rest.addressType === "IPv4" ? four : six,
    }),
  );

const anyEndpoints = fc.record({ name, namespace, labels, addresses: some(ip4) }).map(endpoints);
const anyNode = fc
  .record({ name: fc.constantFrom("node-a", "node-b"), zone: fc.constantFrom("zone-a", "", "zone-b") })
  .map(node);
const anyServiceCidr = fc.tuple(some(range), name).map(([cidrs, of]) => serviceCidr(cidrs, of));

/** The objects of a small cluster, each once, in any order. */
export const anyCluster: fc.Arbitrary<readonly ClusterObject[]> = fc
  .tuple(
    fc.array(anyService, { maxLength: 4 }),
    fc.array(anySlice, { maxLength: 6 }),
    fc.array(anyEndpoints, { maxLength: 2 }),
    fc.array(anyNode, { maxLength: 2 }),
    fc.array(anyServiceCidr, { maxLength: 2 }),
  )
  .map((kinds) => Array.from(new Map(kinds.flat().map((object) => [objectKey(object), object])).values()));
