import type { Protocol } from "../net/flow.ts";
import type { Ip } from "../net/ip.ts";

/** What every kind of service port has: its name, and where clients reach it. */
export interface AddressedPort {
  readonly namespace: string;
  readonly service: string;
  /** Empty for an unnamed port. */
  readonly portName: string;
  /** `ns/name` or `ns/name:port`. The protocol is not part of it. */
  readonly name: string;
  readonly proto: Protocol;
  readonly clusterIp: Ip;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIps: readonly Ip[];
  /** Load balancer addresses that this node answers for. */
  readonly loadBalancerIps: readonly Ip[];
}
