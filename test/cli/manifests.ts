/** Manifests as users write them, all in the namespace `d`. */

/** An EndpointSlice of a Service with one endpoint that is ready, and the port `p`, 8080. */
export function endpoint(service: string, address: string, nodeName: string): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${service}-x`, namespace: "d", labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    ports: [{ name: "p", port: 8080, protocol: "TCP" }],
    endpoints: [{ addresses: [address], nodeName, conditions: { ready: true } }],
  };
}

export function node(name: string, address: string): object {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    status: { addresses: [{ type: "InternalIP", address }] },
  };
}
