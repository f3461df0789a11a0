import type { Cidr } from "../net/cidr.ts";
import type { SocketAddr } from "../net/flow.ts";
import type { AddressedPort } from "./addressed-port.ts";

/** An endpoint of a service port, as this node sees it. */
export interface Endpoint {
  readonly addr: SocketAddr;
  /** `ip:port`, canonical: what kube-proxy sorts and hashes by. */
  readonly text: string;
  readonly nodeName: string | undefined;
  readonly isLocal: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** What a Service says about one of its ports, in one IP family, before endpoints are looked at. */
export interface ServicePortInfo extends AddressedPort {
  readonly sourceRanges: readonly Cidr[];
  /** Session affinity by client address, in seconds; 0: none. */
  readonly affinitySeconds: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** 0: none. */
  readonly healthCheckNodePort: number;
}

/** A service port with the endpoints that may take its traffic. Lists are sorted by the text of `ip:port`. */
export interface ServicePort extends ServicePortInfo {
  /** All endpoints, usable or not. */
  readonly endpoints: readonly Endpoint[];
  /** For traffic of policy Cluster; empty when no traffic of this service port has it. */
  readonly clusterEndpoints: readonly Endpoint[];
  /** For traffic of policy Local; empty when no traffic of this service port has it. */
  readonly localEndpoints: readonly Endpoint[];
  /** All that any policy of this service port may reach. */
  readonly reachable: readonly Endpoint[];
  /** Some endpoint somewhere could take traffic. */
  readonly hasAny: boolean;
  readonly hasInternal: boolean;
  readonly hasExternal: boolean;
  readonly externallyAccessible: boolean;
  readonly usesClusterEndpoints: boolean;
  readonly usesLocalEndpoints: boolean;
}
