import type { Kernel } from "../../../balancers/kernel.ts";
import { type IpvsTimeouts, ipvsTimeouts } from "./states.ts";

/** What holds for all virtual servers of a node. */
export interface IpvsOptions {
  /**
   * The Linux kernel whose rules of overhead and overload are followed.
   * @default "6.1.192"
   */
  readonly kernel?: Kernel;
  /** In place of the kernel's own, as `ipvsadm --set` changes them. */
  readonly timeoutsMs?: Partial<IpvsTimeouts>;
  readonly sysctls?: Partial<IpvsSysctls>;
  /**
   * Whether TCP connections of a removed server go on, and those of UDP are forgotten. It stands for what kube-proxy
   * does about servers that are to go: it leaves them in the list with weight 0 until they have no connections.
   * @default false
   */
  readonly gracefulRemoval?: boolean;
}

/** Those of `net.ipv4.vs` that decide where packets go. */
export interface IpvsSysctls {
  /**
   * conn_reuse_mode: a SYN on a connection that is over (TIME_WAIT, CLOSE) is scheduled again.
   * @default true, as in the kernel
   */
  readonly reuseConnections: boolean;
  /**
   * expire_nodest_conn: a removed server loses its connections at once, and a SYN on a connection whose server has
   * weight 0 is scheduled again. Otherwise a removed server keeps them, and the packets of its clients are dropped.
   * @default false, as in the kernel
   */
  readonly expireNodestConn: boolean;
  /**
   * expire_quiescent_template: persistence does not lead to a server of weight 0.
   * @default false, as in the kernel
   */
  readonly expireQuiescentTemplate: boolean;
  /** lblc_expiration. @default 86400, as in the kernel */
  readonly lblcExpirationSeconds: number;
  /** lblcr_expiration. @default 86400, as in the kernel */
  readonly lblcrExpirationSeconds: number;
}

/** With all defaults filled in. */
export interface IpvsSettings extends IpvsSysctls {
  readonly kernel: Kernel;
  readonly timeoutsMs: IpvsTimeouts;
  readonly gracefulRemoval: boolean;
}

export function resolveIpvsSettings(options: IpvsOptions = {}): IpvsSettings {
  const { kernel = "6.1.192", timeoutsMs, sysctls, gracefulRemoval = false } = options;
  return {
    kernel,
    timeoutsMs: { ...ipvsTimeouts, ...timeoutsMs },
    gracefulRemoval,
    reuseConnections: true,
    expireNodestConn: false,
    expireQuiescentTemplate: false,
    lblcExpirationSeconds: 86_400,
    lblcrExpirationSeconds: 86_400,
    ...sysctls,
  };
}
