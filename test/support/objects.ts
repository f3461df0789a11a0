/**
 * Kubernetes objects by literal: what a test does not mention is as in a plain cluster. A field given as undefined is
 * unset, as in an object that never went through the API server.
 */
import type {
  EndpointSlice,
  Endpoints,
  Node,
  ObjectMeta,
  Service,
  ServiceCidr,
  SliceEndpoint,
} from "../../src/cluster/objects.ts";

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };
type EndpointsPort = Endpoints["subsets"][number]["ports"][number];

/** A Service of type ClusterIP, `default/web` at 10.96.0.10, with the TCP port 80 named `http`. */
export function service(given: Given<ObjectMeta & Service["spec"] & Pick<Service, "ingress">> = {}): Service {
  const { namespace, name = "web", labels, annotations, ingress = [], ...spec } = given;
  const clusterIP = spec.clusterIP ?? spec.clusterIPs?.[0] ?? "10.96.0.10";
  const clusterIPs = spec.clusterIPs ?? [clusterIP];
  const plain: Service["spec"] = {
    type: "ClusterIP",
    clusterIP,
    clusterIPs,
    ipFamilies: clusterIPs.map((ip) => (ip.includes(":") ? "IPv6" : "IPv4")),
    ports: [{ name: "http", protocol: "TCP", port: 80 }],
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
  };
  return {
    kind: "Service",
    metadata: meta({ namespace, name, labels, annotations }),
    spec: override(plain, spec),
    ingress,
  };
}

/** An EndpointSlice of the Service `default/web`, named after it, with the port `http` (TCP 8080) and these endpoints. */
export function slice(
  given: Given<ObjectMeta & Pick<EndpointSlice, "addressType" | "ports">> & {
    readonly service?: string;
    /** An address stands for an endpoint that is ready, on no node. */
    readonly endpoints?: readonly (string | SliceEndpoint)[];
  } = {},
): EndpointSlice {
  const { service: of = "web", addressType = "IPv4", ports, endpoints = [] } = given;
  const { namespace, name = `${of}-${addressType.toLowerCase()}`, labels, annotations } = given;
  return {
    kind: "EndpointSlice",
    metadata: meta({ namespace, name, labels: { "kubernetes.io/service-name": of, ...labels }, annotations }),
    addressType,
    ports: ports ?? [{ name: "http", protocol: "TCP", port: 8080 }],
    endpoints: endpoints.map((one) => (typeof one === "string" ? endpoint(one) : one)),
  };
}

/** An endpoint of a slice: ready and serving, not terminating, on no node, without hints. */
export function endpoint(
  address: string | readonly string[],
  given: Given<SliceEndpoint["conditions"] & SliceEndpoint["hints"] & Pick<SliceEndpoint, "nodeName" | "zone">> = {},
): SliceEndpoint {
  const { nodeName, zone, forZones, forNodes, ...conditions } = given;
  const place = override<Pick<SliceEndpoint, "nodeName" | "zone">>({}, { nodeName, zone });
  return {
    addresses: typeof address === "string" ? [address] : address,
    conditions: override<SliceEndpoint["conditions"]>({ ready: true, serving: true, terminating: false }, conditions),
    ...place,
    hints: override<SliceEndpoint["hints"]>({}, { forZones, forNodes }),
  };
}

/** A v1 Endpoints of the Service `default/web`: these addresses are ready at the port `http` (TCP 8080). */
export function endpoints(
  given: Given<ObjectMeta> & { readonly addresses?: readonly string[]; readonly ports?: readonly EndpointsPort[] } = {},
): Endpoints {
  const { namespace, name = "web", labels, annotations, addresses = [], ports } = given;
  const subset = {
    addresses: addresses.map((ip) => ({ ip })),
    ports: ports ?? [{ name: "http", protocol: "TCP" as const, port: 8080 }],
  };
  return { kind: "Endpoints", metadata: meta({ namespace, name, labels, annotations }), subsets: [subset] };
}

/** A Node `node-a` in `zone-a`, with one internal address and one pod range of each family. */
export function node(
  given: Given<Omit<ObjectMeta, "namespace"> & Omit<Node, "kind" | "metadata">> & { readonly zone?: string } = {},
): Node {
  const { name = "node-a", zone = "zone-a", labels, annotations, podCIDRs, taints = [], addresses } = given;
  return {
    kind: "Node",
    metadata: meta({ namespace: "", name, labels: { "topology.kubernetes.io/zone": zone, ...labels }, annotations }),
    podCIDRs: podCIDRs ?? ["10.244.1.0/24", "fd00:10:244:1::/64"],
    taints,
    addresses: addresses ?? [
      { type: "InternalIP", address: "192.168.10.5" },
      { type: "InternalIP", address: "fd00:192:168:10::5" },
      { type: "Hostname", address: name },
    ],
  };
}

/** A ServiceCIDR named `kubernetes`. */
export function serviceCidr(cidrs: readonly string[], name = "kubernetes"): ServiceCidr {
  return { kind: "ServiceCIDR", metadata: meta({ namespace: "", name }), cidrs };
}

function meta({
  namespace = "default",
  name,
  labels = {},
  annotations = {},
}: Given<ObjectMeta> & { name: string }): ObjectMeta {
  return { namespace, name, labels, annotations };
}

/** Takes over what is given; what is given as undefined goes. */
function override<T extends object>(plain: T, given: Given<T>): T {
  const merged = Object.entries({ ...plain, ...given }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(merged) as T;
}
