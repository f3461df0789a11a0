import type { Routing } from "../dataplane/emulated/netfilter/host-node.ts";
import type { Ip } from "../net/ip.ts";

const LOST = "it is lost if the bridge calls iptables (bridge-nf-call-iptables=1)";

/**
 * Whether a packet that goes back to its sender gets there, in words. A bridge that calls iptables rewrites and sends it on
 * by itself, and only a port in hairpin mode takes what came in by it; routed by the node it leaves by any port. Source:
 * Linux, br_netfilter_hooks.c, `br_nf_pre_routing_finish`, and br_forward.c, `should_deliver`.
 */
export function hairpinText({ node: { interfaces }, route }: Pick<Routing, "node" | "route">, client: Ip): string {
  const device = route(client)?.device;
  const ports = interfaces.filter(({ bridge }) => bridge !== undefined && bridge.name === device);
  const without = ports.filter(({ bridge }) => bridge?.hairpin === false).map(({ name }) => name);
  if (device !== undefined && ports.length > 0) {
    if (without.length === 0) return `all ports of ${device} have hairpin mode, and turn it round`;
    if (without.length === ports.length) return `no port of ${device} has hairpin mode, so that ${LOST}`;
    const verb = without.length === 1 ? "has" : "have";
    return `of the ports of ${device}, ${without.join(", ")} ${verb} no hairpin mode: if the client's is among them, ${LOST}`;
  }
  const isPlain = interfaces.some(({ name, isPlain: plain }) => name === device && plain === true);
  return isPlain
    ? `no bridge is between, and it comes back by ${device}`
    : "the bridge must let it back out by the port that it came from (hairpin mode; ip -d -j addr tells)";
}
