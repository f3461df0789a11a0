import type { Protocol, SocketAddr } from "../net/flow.ts";
import type { Ip } from "../net/ip.ts";

/** A service port as kube-proxy's userspace mode (up to 1.25) knew it: no policies, no topology, one family. */
export interface UserspacePort {
  readonly namespace: string;
  readonly service: string;
  readonly portName: string;
  /** `ns/name` or `ns/name:port`. */
  readonly name: string;
  readonly proto: Protocol;
  readonly clusterIp: Ip;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIps: readonly Ip[];
  readonly loadBalancerIps: readonly Ip[];
  /** 0: none. */
  readonly affinitySeconds: number;
  /** Ready addresses, sorted by the text of `ip:port`. */
  readonly endpoints: readonly SocketAddr[];
}
