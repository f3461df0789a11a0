import { networkInterfaces } from "node:os";
import { familyOf, type Ip, isLoopback, tryParseIp } from "../net/ip.ts";
import { askNow } from "./exec.ts";

/**
 * What tells addresses of services that we gave to this host from all others, and those of a process that was killed
 * from nobody's: the number of the routing protocol of an IPv4 route, and the metric of an IPv6 address, which has no
 * protocol before iproute2 6.2.
 */
export const SERVICE_MARK = 83;
/** The device of mode ipvs, whose addresses are those of services. */
const SERVICES_DEVICE = "kube-ipvs0";

/**
 * The addresses of this host's interfaces, in the network namespace that we are in; without loopback's own, IPv6's
 * link-local ones and those of services. As with kube-proxy an interface need not be up, or have a carrier: the bridge
 * of a node without pods has none.
 */
export function ownAddresses(): readonly Ip[] {
  const ips = (listed() ?? ofRunning()).map(tryParseIp).filter((ip) => ip !== undefined);
  return ips.filter((ip) => !isLoopback(ip) && (familyOf(ip) === 4 || !isLinkLocal(ip)));
}

interface Link {
  readonly ifname?: string;
  readonly addr_info?: readonly { readonly local?: string; readonly metric?: number }[];
}

function listed(): readonly string[] | undefined {
  const text = askNow(["ip", "-j", "address"]);
  if (text === undefined) return undefined;
  const links = JSON.parse(text || "[]") as readonly Link[];
  return links
    .filter(({ ifname }) => ifname !== SERVICES_DEVICE)
    .flatMap(({ addr_info = [] }) => addr_info.filter(({ metric }) => metric !== SERVICE_MARK))
    .flatMap(({ local }) => local ?? []);
}

/** All that Node itself tells. */
function ofRunning(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
}

/** fe80::/10 */
function isLinkLocal(ip: Ip): boolean {
  return typeof ip !== "number" && ip.w0 >>> 22 === 0x3fa;
}
