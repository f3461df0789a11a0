import { networkInterfaces } from "node:os";
import { familyOf, type Ip, parseIp } from "../net/ip.ts";

/** The addresses of this host's interfaces that are up, in the network namespace that we are in; without loopback and IPv6's link-local ones. */
export function ownAddresses(): readonly Ip[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  const ips = all.filter(({ internal }) => !internal).map(({ address }) => parseIp(address));
  return ips.filter((ip) => familyOf(ip) === 4 || !isLinkLocal(ip));
}

/** fe80::/10 */
function isLinkLocal(ip: Ip): boolean {
  return typeof ip !== "number" && ip.w0 >>> 22 === 0x3fa;
}
