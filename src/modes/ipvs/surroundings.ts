import type { Cidr } from "../../net/cidr.ts";
import type { IptablesRuleset } from "../iptables/ruleset.ts";
import type { IpSet } from "./ip-set.ts";
import type { Sysctl } from "./sysctls.ts";

/** The network device that holds service addresses, so that the kernel takes their packets as its own. */
export const DEVICE = "kube-ipvs0";

/** Time-outs of IPVS's connections, in seconds; 0 leaves what the kernel has. */
export interface IpvsTimeouts {
  readonly tcpSeconds: number;
  readonly tcpFinSeconds: number;
  readonly udpSeconds: number;
}

/** What stands around the virtual servers of one family, so that packets find them and answers come back. */
export interface Surroundings {
  /** On the device kube-ipvs0, each a range of one address. The device is never set up: its addresses are local anyway. */
  readonly addresses: readonly Cidr[];
  /** All of kube-proxy's sets, also those that are empty, in the order in which they are made. */
  readonly sets: readonly IpSet[];
  /** The tables nat and filter, which name the sets. */
  readonly rules: IptablesRuleset;
  /** Of the whole node: both families have the same. */
  readonly sysctls: readonly Sysctl[];
  /** Of the whole node: both families have the same. */
  readonly timeouts: IpvsTimeouts;
  /** Virtual servers of others whose addresses lie in these ranges are left alone. */
  readonly excluded: readonly Cidr[];
}
