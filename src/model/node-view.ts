import type { Node } from "../cluster/objects.ts";
import { tryParseCidr } from "../net/cidr.ts";
import { type Family, familyOf, type Ip, type Ip4, ipKey, isLoopback, tryParseIp } from "../net/ip.ts";
import type { NodeView } from "./model.ts";

const ZONE = "topology.kubernetes.io/zone";
const loopback = {
  4: 0x7f000001 as Ip4,
  6: Object.freeze({ w0: 0, w1: 0, w2: 0, w3: 1 }),
} as const satisfies Record<Family, Ip>;

/**
 * The node of this name. One that the cluster does not hold has no zone, no pod ranges and the loopback addresses:
 * what kube-proxy falls back to until it sees its Node.
 */
export function viewNode(nodes: readonly Node[], name: string): NodeView {
  const node = nodes.find(({ metadata }) => metadata.name === name);
  const internal = addressesOf(node, "InternalIP");
  const external = addressesOf(node, "ExternalIP");
  const primary = (family: Family): Ip =>
    [...internal, ...external].find((ip) => familyOf(ip) === family) ?? loopback[family];
  return {
    name,
    zone: node?.metadata.labels[ZONE] ?? "",
    ip4: primary(4),
    ip6: primary(6),
    addresses: distinct([...internal, ...external].filter((ip) => !isLoopback(ip))),
    podCidrs: (node?.podCIDRs ?? []).map(tryParseCidr).filter((cidr) => cidr !== undefined),
  };
}

function addressesOf(node: Node | undefined, type: "InternalIP" | "ExternalIP"): readonly Ip[] {
  return (node?.addresses ?? [])
    .filter((address) => address.type === type)
    .map(({ address }) => tryParseIp(address))
    .filter((ip) => ip !== undefined);
}

function distinct(ips: readonly Ip[]): readonly Ip[] {
  return [...new Map(ips.map((ip) => [ipKey(ip), ip])).values()];
}
