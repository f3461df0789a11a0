import type { Protocol, SocketAddr } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";

/** One service port and where its connections go, in turn. */
export interface Forward {
  /** `ns/name` or `ns/name:port`; the key, protocols are not told apart. */
  readonly name: string;
  readonly proto: Protocol;
  /** Where the proxy accepts its connections, at the table's `bindIp`; no other forward has this port. */
  readonly proxyPort: number;
  /** Addresses at which clients reach it; its node port is apart. */
  readonly portals: readonly Portal[];
  /** The port that answers at every local address of the node, loopback among them, whichever it has; 0: none. */
  readonly nodePort: number;
  /** Session affinity by client address, in seconds; 0: none. */
  readonly affinitySeconds: number;
  readonly endpoints: readonly SocketAddr[];
}

export interface Portal {
  /** Traffic of the node itself is led to an external IP only where that is local; to the others always. */
  readonly kind: "cluster-ip" | "load-balancer" | "external-ip";
  readonly addr: SocketAddr;
}

/**
 * A socket that is bound and never read, so that no other process can have the address: of every node port, and of
 * every portal whose address is local to the node. Rules redirect its traffic to the proxy port before it gets there.
 */
export interface Claim {
  /** The forward for which it is held. */
  readonly name: string;
  readonly proto: Protocol;
  /** 0.0.0.0 stands for all addresses of the node, of both families. */
  readonly addr: SocketAddr;
}

/**
 * The program of the userspace mode: all that it takes to open the proxy's sockets, to lead traffic to them by rules
 * (`compilePortals`) and to choose endpoints.
 */
export interface ForwardTable {
  /** In order of name. */
  readonly forwards: readonly Forward[];
  /** Sockets to hold besides the proxy ports, in the order of the forwards. */
  readonly claims: readonly Claim[];
  /** The IPv4 address that the proxy ports are bound to; 0.0.0.0: all. */
  readonly bindIp: Ip;
  /** Where the node's own traffic reaches the proxy ports: `bindIp`, or the node's address where that is 0.0.0.0. */
  readonly hostIp: Ip;
}
