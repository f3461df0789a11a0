import type { Protocol, SocketAddr } from "../../net/flow.ts";
import type { Family, Ip } from "../../net/ip.ts";
import type { Surroundings } from "./surroundings.ts";

/** A tunnel to a real server; what is absent is as the kernel has it. */
export interface Tunnel {
  readonly type: "ipip" | "gue" | "gre";
  /** Of GUE. */
  readonly port?: number;
  readonly checksum?: "none" | "full" | "remote";
}

/** How packets are sent on: with the destination rewritten, as they are, or in a tunnel. */
export type Forwarding =
  | { readonly by: "masquerade" }
  | { readonly by: "route" }
  | { readonly by: "tunnel"; readonly tunnel?: Tunnel };

/** A real server behind a virtual one. kube-proxy gives weight 1. */
export interface RealServer {
  readonly addr: SocketAddr;
  /** 0…65535; 0 takes no new connection. */
  readonly weight: number;
  /** Absent: by masquerading, the one way that kube-proxy uses. */
  readonly forwarding?: Forwarding;
  /** Thresholds of connections; absent: none. `ipvsadm -S` does not list them. */
  readonly upper?: number;
  readonly lower?: number;
}

/** What a virtual server is besides the packets that are its own. */
export interface ServerSettings {
  /** A scheduler of the kernel: `rr`, `lc`, `sed`, … */
  readonly scheduler: string;
  /** Flags of the scheduler, such as `mh-port`. */
  readonly flags: readonly string[];
  /** Persistence by client address, in seconds; 0: none. */
  readonly persistenceSeconds: number;
  /** The bits of the client's address by which clients are told apart; absent: all. */
  readonly persistenceMask?: Ip;
  /** What tells clients apart in place of their address: `sip`. */
  readonly persistenceEngine?: string;
  /** Every UDP datagram is scheduled by itself. */
  readonly onePacket?: true;
  /** In the order in which they are added; the kernel keeps them newest first. */
  readonly servers: readonly RealServer[];
}

export interface VirtualServer extends ServerSettings {
  readonly addr: SocketAddr;
  readonly proto: Protocol;
  /** The printed name of the service port that it serves; not known to the kernel, and so empty in a dump. */
  readonly servicePort: string;
}

/** A virtual server that takes the packets with a mark of the firewall. kube-proxy makes none. */
export interface MarkedVirtualServer extends ServerSettings {
  readonly fwmark: number;
  readonly family: Family;
}

/** Any virtual server that a kernel may hold. */
export type KernelServer = VirtualServer | MarkedVirtualServer;

/** By what a kernel tells a virtual server from others. */
export type ServerPlace = Pick<VirtualServer, "addr" | "proto"> | Pick<MarkedVirtualServer, "fwmark" | "family">;

/** The virtual servers of one family, and what has to be around them. */
export interface IpvsTables {
  readonly family: Family;
  readonly virtualServers: readonly VirtualServer[];
  /** What a real kernel needs besides. Absent: nothing, as on an emulated node, where virtual servers stand alone. */
  readonly around?: Surroundings;
}
