import type { Protocol, SocketAddr } from "../../net/flow.ts";

/** One service port and where its connections go, in turn. */
export interface Forward {
  /** `ns/name` or `ns/name:port`; the key, protocols are not told apart. */
  readonly name: string;
  readonly proto: Protocol;
  /** Addresses at which clients reach it; a node port stands with each of the node's addresses. */
  readonly portals: readonly Portal[];
  /** Session affinity by client address, in seconds; 0: none. */
  readonly affinitySeconds: number;
  readonly endpoints: readonly SocketAddr[];
}

export interface Portal {
  readonly kind: "cluster-ip" | "load-balancer" | "external-ip" | "node-port";
  readonly addr: SocketAddr;
}

/** The program of the userspace mode. */
export interface ForwardTable {
  readonly forwards: readonly Forward[];
}
