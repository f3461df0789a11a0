import type { Protocol, SocketAddr } from "../../net/flow.ts";
import type { Family } from "../../net/ip.ts";

/** A real server behind a virtual one. kube-proxy forwards by masquerading (`-m`) and gives weight 1. */
export interface RealServer {
  readonly addr: SocketAddr;
  /** 0…65535; 0 takes no new connection. */
  readonly weight: number;
}

export interface VirtualServer {
  readonly addr: SocketAddr;
  readonly proto: Protocol;
  /** A scheduler of the kernel: `rr`, `lc`, `sed`, … */
  readonly scheduler: string;
  /** Flags of the scheduler, such as `mh-port`. */
  readonly flags: readonly string[];
  /** Persistence by client address, in seconds; 0: none. */
  readonly persistenceSeconds: number;
  /** In the order in which they are added; the kernel keeps them newest first. */
  readonly servers: readonly RealServer[];
  /** The printed name of the service port that it serves; not part of what the kernel knows. */
  readonly servicePort: string;
}

/** The virtual servers of one family. */
export interface IpvsTables {
  readonly family: Family;
  readonly virtualServers: readonly VirtualServer[];
}
