import type { Ip } from "../../net/ip.ts";
import type { IptablesRuleset } from "../iptables/ruleset.ts";
import type { IpSet } from "./ip-set.ts";
import type { ServerConnections } from "./parse-connections.ts";
import type { IpvsTimeouts } from "./surroundings.ts";
import type { KernelServer } from "./tables.ts";

/** What a kernel holds, as its dumps tell; what is not ours is in them too. */
export interface KernelState {
  /** Of both families: `ipvsadm -S -n`. */
  readonly virtualServers: readonly KernelServer[];
  /** Of both families: `ipvsadm -L -n`. A server that is not listed has none. */
  readonly connections: readonly ServerConnections[];
  /** Of both families: `ipset save`. */
  readonly sets: readonly IpSet[];
  /** Of each family that is known: `iptables-save`, `ip6tables-save`. */
  readonly rules: readonly IptablesRuleset[];
  /** Of both families, on the device kube-ipvs0; undefined: there is no such device. */
  readonly addresses: readonly Ip[] | undefined;
  /** By path below /proc/sys; one that is not known is set. */
  readonly sysctls: ReadonlyMap<string, number>;
  /** `ipvsadm -L --timeout`; undefined: not known. */
  readonly timeouts: IpvsTimeouts | undefined;
  /** Of the kernel: `uname -r`. */
  readonly release: string;
}
