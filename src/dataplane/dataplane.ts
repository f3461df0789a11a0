import type { Sysctl } from "../host/sysctl.ts";
import type { Program } from "../modes/program.ts";
import type { Protocol, SocketAddr } from "../net/flow.ts";
import type { Ip } from "../net/ip.ts";

/** Where clients reach a service port: one virtual address and port. */
export interface Frontend {
  /** `ns/name` or `ns/name:port`. */
  readonly servicePort: string;
  /**
   * `proxy-port`: where rules lead the traffic of a service port of the userspace mode; `transparent`: where they lead
   * that of any service port.
   */
  readonly kind: "cluster-ip" | "node-port" | "external-ip" | "load-balancer" | "proxy-port" | "transparent";
  readonly proto: Protocol;
  readonly addr: SocketAddr;
}

/** A UDP service port: where its flows come in, and who may answer them. */
export interface UdpService {
  /** Its addresses of one family: cluster IP, external IPs, load balancer IPs. */
  readonly addrs: readonly SocketAddr[];
  /** 0: none. */
  readonly nodePort: number;
  /** Endpoints that serve, whether or not any policy lets this node send them flows. */
  readonly endpoints: readonly SocketAddr[];
}

/** What a dataplane needs besides the program. Plain data. */
export interface NodePlan {
  /** Addresses that are local to the node, without loopback. */
  readonly nodeAddresses: readonly Ip[];
  /**
   * The addresses and ports at which clients reach services, in order of name. A node port stands once a family, at the
   * node's primary address, though a program may take it at every address of the node; at 0.0.0.0 it is meant for all.
   */
  readonly frontends: readonly Frontend[];
  /** Settings of the kernel that the program's packets need. Absent: none. */
  readonly sysctls?: readonly Sysctl[];
  /** How many buckets the hash table of the kernel's conntrack is to have at least. Absent, 0: as it is. */
  readonly conntrackBuckets?: number;
  /** By which flows of a kernel's conntrack become stale; in order of name. Absent: none do. */
  readonly udpServices?: readonly UdpService[];
}

/** What happens to the first packet of a flow. `steps` counts the rules or entries looked at. */
export type Decision =
  | { readonly verdict: "forward"; readonly to: SocketAddr; readonly masquerade: boolean; readonly steps: number }
  /** `pass`: no service's packet; it goes on to wherever routing sends it. */
  | { readonly verdict: "drop" | "reject" | "pass"; readonly steps: number };

/** Carries a program out. `measure` and `agent` know dataplanes by this alone. */
export interface Dataplane {
  /** `emulated`, `workers`, `kernel`, … */
  readonly name: string;
  /**
   * Replaces whatever was carried out before, as a whole: when it resolves, every new flow is decided by this
   * program; connections that are open stay open.
   *
   * @throws {SluiceError} DATAPLANE_FAILED; then the program before it is still in force.
   */
  apply(program: Program, plan: NodePlan): Promise<void>;
  /** Lets go of everything that the dataplane holds. Safe to call twice. */
  close(): Promise<void>;
}
