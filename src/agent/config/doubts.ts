import type { NodeView } from "../../model/model.ts";
import { type Cidr, coversLoopback, hostCidr, tryParseCidr } from "../../net/cidr.ts";
import { type Family, familyOf, isLoopback } from "../../net/ip.ts";
import type { KubeProxyConfiguration } from "./config.ts";
import { nodeAddressOf } from "./program-options.ts";

/**
 * What kube-proxy says of a configuration that it takes, but thinks to be a mistake; in its own words, for a host with
 * both families. Empty where it has no doubts.
 *
 * Source: kube-proxy 1.36, cmd/kube-proxy/app/server.go, `checkBadConfig` and `checkBadIPConfig`; `NewProxier`.
 */
export function doubtsAbout(config: KubeProxyConfiguration, node: NodeView): readonly string[] {
  const primary = primaryFamily(config, node);
  const clusterRanges = config.clusterCIDR === "" ? [] : ranges(config.clusterCIDR.split(","));
  const podRanges = config.detectLocalMode === "NodeCIDR" ? node.podCidrs : [];
  const nodePorts = config.nodePortAddresses.includes("primary")
    ? [node.ip4, node.ip6].filter((ip) => !isLoopback(ip)).map(hostCidr)
    : ranges(config.nodePortAddresses);
  const dualStack = [clusterRanges, nodePorts, ranges(config.ipvs.excludeCIDRs), podRanges].some(isDualStack);
  return [
    ...nodePortDoubts(nodePorts, primary, dualStack),
    ...onlyOther(clusterRanges, primary, "clusterCIDRs"),
    ...onlyOther(podRanges, primary, "node.spec.podCIDRs"),
    ...localhostDoubts(config, nodePorts),
  ];
}

/** The family of `bindAddress`, else of the node's first address. */
function primaryFamily(config: KubeProxyConfiguration, { addresses: [first] }: NodeView): Family {
  const ip = nodeAddressOf(config) ?? first;
  return ip === undefined ? 4 : familyOf(ip);
}

function nodePortDoubts(nodePorts: readonly Cidr[], primary: Family, dualStack: boolean): readonly string[] {
  const [own, other] = primary === 4 ? ["IPv4", "IPv6"] : ["IPv6", "IPv4"];
  const primaries = ofFamily(nodePorts, primary).length;
  if (nodePorts.length === 0) {
    return [
      "nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`",
    ];
  }
  if (dualStack && primaries === nodePorts.length) {
    return [
      `cluster appears to be dual-stack but nodePortAddresses contains only ${own} addresses; NodePort connections will be accepted on all local ${other} IPs`,
    ];
  }
  if (primaries > 0) return [];
  return [
    `cluster appears to be ${own}-primary but nodePortAddresses contains only ${other} addresses; NodePort connections will be accepted on all local ${own} IPs`,
  ];
}

function onlyOther(given: readonly Cidr[], primary: Family, field: string): readonly string[] {
  if (given.length === 0 || ofFamily(given, primary).length > 0) return [];
  return [`cluster is IPv${primary}-primary but ${field} contains only IPv${10 - primary} addresses`];
}

function localhostDoubts({ mode, iptables }: KubeProxyConfiguration, nodePorts: readonly Cidr[]): readonly string[] {
  const includesLocalhost = nodePorts.some((range) => range.bits > 0 && coversLoopback(range));
  if (!includesLocalhost) return [];
  if (mode === "nftables") return ["--nodeport-addresses includes localhost but localhost NodePorts are not supported"];
  return mode === "iptables" && !iptables.localhostNodePorts
    ? ["--nodeport-addresses includes localhost but --iptables-localhost-nodeports=false was passed"]
    : [];
}

function isDualStack(given: readonly Cidr[]): boolean {
  return ofFamily(given, 4).length > 0 && ofFamily(given, 6).length > 0;
}

function ofFamily(given: readonly Cidr[], family: Family): readonly Cidr[] {
  return given.filter(({ base }) => familyOf(base) === family);
}

function ranges(texts: readonly string[]): readonly Cidr[] {
  return texts.map(tryParseCidr).filter((range) => range !== undefined);
}
