/** What the guest's cluster has: objects of the API, with what is tried and nothing else. */
const NODE = "node-a";
export const nodeIps = ["192.168.10.5", "fd00:192:168:10::5"] as const;
export const endpointIps = ["10.244.1.1", "10.244.1.2", "10.244.1.3"] as const;
export const web = { ip: "10.96.1.1", port: 80 } as const;
export const NODE_PORT = 30_080;
/** Services beside `web` are there for their kinds of sets and rules. */
export const drain = { ip: "10.96.1.2", port: 80, endpointPort: 8002 } as const;
export const WEB_ENDPOINT_PORT = 8001;

/** A file for `--config`: fields of mode ipvs, each with another value than its default. */
export const config = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
hostnameOverride: ${NODE}
clusterCIDR: 10.244.0.0/16,fd00:10:244::/48
oomScoreAdj: 0
conntrack: {maxPerCore: 0}
ipvs: {scheduler: wlc, strictARP: true, tcpTimeout: 800s, udpTimeout: 200s, excludeCIDRs: [198.51.100.0/24]}
`;

/** The cluster as a file. @param gone an endpoint that the service `drain` has no more. */
export function clusterText(gone?: string): string {
  const items = [
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: NODE },
      status: { addresses: nodeIps.map((address) => ({ type: "InternalIP", address })) },
    },
    ...service("web", ["10.96.1.1"], "TCP", WEB_ENDPOINT_PORT, { type: "NodePort", nodePort: NODE_PORT }),
    ...service("drain", [drain.ip], "TCP", drain.endpointPort, { gone }),
    ...service("dns", ["10.96.1.3"], "UDP", 8003),
    ...service("six", ["fd00:96::1"], "TCP", 8004),
    ...service("sticky", ["10.96.1.5"], "TCP", 8005, { sessionAffinity: "ClientIP" }),
    ...service("open", ["10.96.1.6"], "TCP", 8006, {
      type: "LoadBalancer",
      externalIPs: ["192.0.2.10"],
      loadBalancerSourceRanges: ["203.0.113.0/24"],
      ingress: "203.0.113.10",
    }),
  ];
  return JSON.stringify({ kind: "List", apiVersion: "v1", items });
}

interface More {
  readonly gone?: string | undefined;
  readonly nodePort?: number;
  readonly ingress?: string;
  readonly [field: string]: unknown;
}

function service(
  name: string,
  clusterIPs: readonly string[],
  protocol: "TCP" | "UDP",
  endpointPort: number,
  { gone, nodePort, ingress, ...spec }: More = {},
): readonly object[] {
  const v6 = clusterIPs[0]!.includes(":");
  const addresses = v6 ? ["fd00:10:244:1::1"] : endpointIps.filter((ip) => ip !== gone);
  const port = { name: "p", protocol, port: 80, ...(nodePort === undefined ? {} : { nodePort }) };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { clusterIP: clusterIPs[0], clusterIPs, ports: [port], ...spec },
      ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip: ingress }] } } }),
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: v6 ? "IPv6" : "IPv4",
      ports: [{ name: "p", protocol, port: endpointPort }],
      endpoints: addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true }, nodeName: NODE })),
    },
  ];
}
