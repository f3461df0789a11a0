import type { ResolvedIpvsOptions } from "./options.ts";

/** A setting of the kernel, as a path below /proc/sys. */
export interface Sysctl {
  readonly path: string;
  readonly value: number;
  /** Only in kernels from the first release on, below the second one; absent: in all. */
  readonly kernels?: readonly [from: string, below: string];
}

/**
 * The sysctls that kube-proxy sets at its start. Source: kube-proxy, pkg/proxy/ipvs/proxier.go, `NewProxier`.
 *
 * Of `conn_reuse_mode` 1, the kernel's own, a kernel below 5.9 made every reused client port wait a second.
 */
export function ipvsSysctls({ strictARP }: ResolvedIpvsOptions): readonly Sysctl[] {
  return [
    { path: "net/ipv4/vs/conntrack", value: 1 },
    { path: "net/ipv4/vs/conn_reuse_mode", value: 0, kernels: ["4.1", "5.9"] },
    { path: "net/ipv4/vs/expire_nodest_conn", value: 1 },
    { path: "net/ipv4/vs/expire_quiescent_template", value: 1 },
    { path: "net/ipv4/ip_forward", value: 1 },
    ...(strictARP ? arpSysctls : []),
  ];
}

/** No answer for service addresses, which every node has on its device, to ARP requests from outside. */
const arpSysctls: readonly Sysctl[] = [
  { path: "net/ipv4/conf/all/arp_ignore", value: 1 },
  { path: "net/ipv4/conf/all/arp_announce", value: 2 },
];
