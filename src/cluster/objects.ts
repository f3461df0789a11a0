/**
 * The Kubernetes objects that a node's proxy reads, cut to the fields it uses. A field that the API allows
 * to be unset may be unset here: what that means is the model's business. Unknown fields were dropped.
 */
export interface ObjectMeta {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

type ServiceType = "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
export type ProtocolName = "TCP" | "UDP" | "SCTP";

/** v1 Service. */
export interface Service {
  readonly kind: "Service";
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly type?: ServiceType;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly ("IPv4" | "IPv6")[];
    readonly ports: readonly ServicePortSpec[];
    readonly externalIPs?: readonly string[];
    readonly loadBalancerSourceRanges?: readonly string[];
    readonly sessionAffinity?: "None" | "ClientIP";
    readonly affinityTimeoutSeconds?: number;
    readonly internalTrafficPolicy?: "Cluster" | "Local";
    readonly externalTrafficPolicy?: "Cluster" | "Local";
    readonly healthCheckNodePort?: number;
  };
  /** status.loadBalancer.ingress */
  readonly ingress: readonly { readonly ip?: string; readonly ipMode?: "VIP" | "Proxy" }[];
}

export interface ServicePortSpec {
  readonly name?: string;
  readonly protocol?: ProtocolName;
  readonly port: number;
  readonly nodePort?: number;
}

/** discovery.k8s.io/v1 EndpointSlice. */
export interface EndpointSlice {
  readonly kind: "EndpointSlice";
  readonly metadata: ObjectMeta;
  readonly addressType: "IPv4" | "IPv6" | "FQDN";
  readonly ports: readonly { readonly name?: string; readonly protocol?: ProtocolName; readonly port?: number }[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hints: { readonly forZones?: readonly string[]; readonly forNodes?: readonly string[] };
}

/** v1 Endpoints, which only the userspace mode reads. */
export interface Endpoints {
  readonly kind: "Endpoints";
  readonly metadata: ObjectMeta;
  readonly subsets: readonly {
    readonly addresses: readonly { readonly ip: string; readonly nodeName?: string }[];
    readonly ports: readonly { readonly name?: string; readonly protocol?: ProtocolName; readonly port: number }[];
  }[];
}

/** v1 Node. */
export interface Node {
  readonly kind: "Node";
  readonly metadata: ObjectMeta;
  /** metadata.deletionTimestamp: the Node is going away. */
  readonly deletionTimestamp?: string;
  readonly podCIDRs: readonly string[];
  readonly taints: readonly { readonly key: string }[];
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
}

/** networking.k8s.io/v1 ServiceCIDR. */
export interface ServiceCidr {
  readonly kind: "ServiceCIDR";
  readonly metadata: ObjectMeta;
  readonly cidrs: readonly string[];
}

export type ClusterObject = Service | EndpointSlice | Endpoints | Node | ServiceCidr;
