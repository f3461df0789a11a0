import type { AddressType } from "../../../modes/iptables/foreign.ts";
import type { Ip } from "../../../net/ip.ts";
import type { Routing } from "./host-node.ts";

/**
 * What an address is to the node. Source: Linux, `inet_addr_type` and xt_addrtype.
 *
 * @param device only its own addresses are local; absent: those of all.
 */
export function addressType(ip: Ip, routing: Routing, device?: string): AddressType {
  if (typeof ip === "number") {
    if (ip === 0 || ip === 0xffff_ffff || routing.isBroadcast(ip)) return "BROADCAST";
    if (ip >>> 28 === 0xe) return "MULTICAST";
  } else {
    if (ip.w0 >>> 24 === 0xff) return "MULTICAST";
    const route = routing.route(ip);
    if (route?.type === "unreachable" || route === undefined) return "UNREACHABLE";
  }
  const isLocal = device === undefined ? routing.isLocal(ip) : routing.isLocalOn(ip, device);
  return isLocal ? "LOCAL" : "UNICAST";
}
