import type { NodeView } from "../../model/model.ts";
import { inCidr, parseCidr } from "../../net/cidr.ts";
import { type Family, type Ip, isLoopback } from "../../net/ip.ts";
import { nodePortAddresses } from "../node-port-addresses.ts";
import type { ResolvedIpvsOptions } from "./options.ts";

const LINK_LOCAL = parseCidr("fe80::/10");

/** The addresses of the node's interfaces, as far as they are known; none where there is no Node either. */
export function localAddresses({ localAddresses }: ResolvedIpvsOptions, node: NodeView): readonly Ip[] {
  return localAddresses ?? node.addresses;
}

/**
 * The addresses at which node ports answer: never loopback, and unless a range covers it no link-local one.
 *
 * kube-proxy asks the interfaces. Where neither they nor the Node are known, the node's own address stands for them,
 * which then is loopback: so its node ports answer somewhere, which they would not if there were none.
 *
 * Source: kube-proxy, pkg/proxy/ipvs/proxier.go, `syncProxyRules`; netlink_linux.go, `isValidForSet`.
 */
export function nodePortIps(options: ResolvedIpvsOptions, family: Family, node: NodeView): readonly Ip[] {
  const known = localAddresses(options, node);
  const { all, addresses } = nodePortAddresses(options.nodePortAddresses, family, { ...node, addresses: known });
  if (all && known.length === 0) return [family === 4 ? node.ip4 : node.ip6];
  return addresses.filter((ip) => !isLoopback(ip) && !(all && inCidr(ip, LINK_LOCAL)));
}
