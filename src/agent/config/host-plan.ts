import { coversLoopback, tryParseCidr } from "../../net/cidr.ts";
import { familyOf } from "../../net/ip.ts";
import type { KubeProxyConfiguration } from "./config.ts";
import { durationSeconds } from "./go-duration.ts";

/** What the settings depend on. */
export interface HostFacts {
  /** Processors of the machine, whatever share of them this process may use. */
  readonly cpus: number;
  /** Version of the kernel, such as 6.12. */
  readonly kernel: { readonly major: number; readonly minor: number };
}

/** What kube-proxy sets on its host at start, besides its rules; only where the kernel carries out the program. */
export interface HostPlan {
  /** By the kernel's names, each with the value that it is to have; one that has it is left alone. */
  readonly sysctls: readonly Sysctl[];
  /** /sys/module/nf_conntrack/parameters/hashsize is to be at least this; 0: as it is. */
  readonly conntrackBuckets: number;
  /** Of this process, -1000…1000. */
  readonly oomScoreAdj: number;
}

interface Sysctl {
  /** `net.netfilter.nf_conntrack_max` */
  readonly name: string;
  readonly value: number;
}

/** Above this a share for each processor makes no sense: source: kube-proxy 1.36, `getConntrackMax`. */
const MOST_CONNECTIONS = 1_048_576;

/**
 * What the host is to be set to.
 *
 * Source: kube-proxy 1.36, cmd/kube-proxy/app/server_linux.go, `setupConntrack`; `NewProxier` of each mode.
 */
export function hostPlanOf(config: KubeProxyConfiguration, host: HostFacts): HostPlan {
  const max = conntrackMax(config, host.cpus);
  return {
    sysctls: [
      ...positive("net.netfilter.nf_conntrack_max", max),
      ...conntrackSysctls(config),
      ...(config.mode === "iptables"
        ? positive("net.ipv4.conf.all.route_localnet", routesLocalnet(config) ? 1 : 0)
        : []),
      ...(config.mode === "ipvs" ? ipvsSysctls(config, host) : []),
    ],
    conntrackBuckets: Math.floor(max / 4),
    oomScoreAdj: config.oomScoreAdj,
  };
}

function conntrackMax({ conntrack: { maxPerCore, min } }: KubeProxyConfiguration, cpus: number): number {
  const scaled = maxPerCore * cpus;
  if (scaled === 0) return 0;
  // The cap wins over `min`, but does not bound it.
  return scaled > MOST_CONNECTIONS ? MOST_CONNECTIONS : Math.max(scaled, min);
}

function conntrackSysctls({ conntrack }: KubeProxyConfiguration): readonly Sysctl[] {
  const named = (name: string, value: number): readonly Sysctl[] =>
    positive(`net.netfilter.nf_conntrack_${name}`, value);
  return [
    ...named("tcp_timeout_established", durationSeconds(conntrack.tcpEstablishedTimeout)),
    ...named("tcp_timeout_close_wait", durationSeconds(conntrack.tcpCloseWaitTimeout)),
    ...named("tcp_be_liberal", conntrack.tcpBeLiberal ? 1 : 0),
    ...named("udp_timeout", durationSeconds(conntrack.udpTimeout)),
    ...named("udp_timeout_stream", durationSeconds(conntrack.udpStreamTimeout)),
  ];
}

/** Node ports on 127.0.0.0/8 need it. */
function routesLocalnet({ iptables, nodePortAddresses }: KubeProxyConfiguration): boolean {
  const ranges = nodePortAddresses.map(tryParseCidr).filter((range) => range !== undefined);
  const ip4 = ranges.filter(({ base }) => familyOf(base) === 4);
  // "primary" is no range, and never covers loopback.
  const all = ip4.length === 0 && !nodePortAddresses.includes("primary");
  return iptables.localhostNodePorts && (all || ip4.some(coversLoopback));
}

function ipvsSysctls({ ipvs: { strictARP } }: KubeProxyConfiguration, { kernel }: HostFacts): readonly Sysctl[] {
  const version = kernel.major * 1000 + kernel.minor;
  const reuse = version >= 4001 && version < 5009 ? [{ name: "net.ipv4.vs.conn_reuse_mode", value: 0 }] : [];
  const arp = strictARP
    ? [
        { name: "net.ipv4.conf.all.arp_ignore", value: 1 },
        { name: "net.ipv4.conf.all.arp_announce", value: 2 },
      ]
    : [];
  return [
    { name: "net.ipv4.vs.conntrack", value: 1 },
    ...reuse,
    { name: "net.ipv4.vs.expire_nodest_conn", value: 1 },
    { name: "net.ipv4.vs.expire_quiescent_template", value: 1 },
    { name: "net.ipv4.ip_forward", value: 1 },
    ...arp,
  ];
}

/** A sysctl that is only set to more than 0. */
function positive(name: string, value: number): readonly Sysctl[] {
  return value > 0 ? [{ name, value }] : [];
}
