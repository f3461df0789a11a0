import type { Family } from "../../net/ip.ts";
import type { IpSet, SetOption } from "./ip-set.ts";

/** What kube-proxy says of one of its sets. */
interface KubeSet {
  readonly name: string;
  readonly type: "hash:ip" | "hash:ip,port" | "hash:ip,port,ip" | "hash:ip,port,net" | "bitmap:port";
  /** Of the rules that ask the set; none names the set of addresses. */
  readonly comment: string;
}

/** The kernel's limit for the name of a set, in characters. */
const MAX_NAME = 31;

const masquerade = "for masquerade purpose";
const local = "with externalTrafficPolicy=local";
const hashed = "with type 'hash ip:port'";
const sourceFilter = "for packet filter purpose";
const balancer = "Kubernetes service load balancer ip + port";

/** All sets. Source: kube-proxy, pkg/proxy/ipvs/ipset.go, proxier.go. */
export const kubeSets = {
  loopBack: set(
    "LOOP-BACK",
    "hash:ip,port,ip",
    "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
  ),
  clusterIp: set("CLUSTER-IP", "hash:ip,port", `Kubernetes service cluster ip + port ${masquerade}`),
  externalIp: set(
    "EXTERNAL-IP",
    "hash:ip,port",
    "Kubernetes service external ip + port for masquerade and filter purpose",
  ),
  externalIpLocal: set("EXTERNAL-IP-LOCAL", "hash:ip,port", `Kubernetes service external ip + port ${local}`),
  loadBalancer: set("LOAD-BALANCER", "hash:ip,port", "Kubernetes service lb portal"),
  loadBalancerFirewall: set("LOAD-BALANCER-FW", "hash:ip,port", `${balancer} for load balancer with sourceRange`),
  loadBalancerLocal: set("LOAD-BALANCER-LOCAL", "hash:ip,port", `${balancer} ${local}`),
  sourceIp: set("LOAD-BALANCER-SOURCE-IP", "hash:ip,port,ip", `${balancer} + source IP ${sourceFilter}`),
  sourceCidr: set("LOAD-BALANCER-SOURCE-CIDR", "hash:ip,port,net", `${balancer} + source cidr ${sourceFilter}`),
  nodePortTcp: set("NODE-PORT-TCP", "bitmap:port", `Kubernetes nodeport TCP port ${masquerade}`),
  nodePortLocalTcp: set("NODE-PORT-LOCAL-TCP", "bitmap:port", `Kubernetes nodeport TCP port ${local}`),
  nodePortUdp: set("NODE-PORT-UDP", "bitmap:port", `Kubernetes nodeport UDP port ${masquerade}`),
  nodePortLocalUdp: set("NODE-PORT-LOCAL-UDP", "bitmap:port", `Kubernetes nodeport UDP port ${local}`),
  nodePortSctp: set("NODE-PORT-SCTP-HASH", "hash:ip,port", `Kubernetes nodeport SCTP port ${masquerade} ${hashed}`),
  nodePortLocalSctp: set(
    "NODE-PORT-LOCAL-SCTP-HASH",
    "hash:ip,port",
    `Kubernetes nodeport SCTP port ${local} ${hashed}`,
  ),
  healthCheck: set("HEALTH-CHECK-NODE-PORT", "bitmap:port", "Kubernetes health check node port"),
  bound: set("IPVS-IPS", "hash:ip", ""),
} as const satisfies Readonly<Record<string, KubeSet>>;

export type SetKey = keyof typeof kubeSets;

function set(name: string, type: KubeSet["type"], comment: string): KubeSet {
  return { name, type, comment };
}

/** `KUBE-CLUSTER-IP`, `KUBE-6-CLUSTER-IP`: each family has its own sets, of node ports too. */
export function setName(key: SetKey, family: Family): string {
  return `${family === 4 ? "KUBE-" : "KUBE-6-"}${kubeSets[key].name}`.slice(0, MAX_NAME);
}

/** The set without entries, made as kube-proxy makes it. */
export function emptySet(key: SetKey, family: Family): IpSet {
  const { type } = kubeSets[key];
  const options = type === "bitmap:port" ? everyPort : hashOf(family);
  return { name: setName(key, family), type, options, entries: [] };
}

const everyPort: readonly SetOption[] = [{ name: "range", value: "0-65535" }];

function hashOf(family: Family): readonly SetOption[] {
  return [
    { name: "family", value: family === 4 ? "inet" : "inet6" },
    { name: "hashsize", value: "1024" },
    { name: "maxelem", value: "65536" },
  ];
}
