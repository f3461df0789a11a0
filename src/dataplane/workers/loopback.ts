import { networkInterfaces } from "node:os";
import { type Family, type Ip, parseIp } from "../../net/ip.ts";

const loopback: Readonly<Record<Family, Ip>> = Object.freeze({ 4: parseIp("127.0.0.1"), 6: parseIp("::1") });

/** The loopback address of a family. */
export function loopbackOf(family: Family): Ip {
  return loopback[family];
}

/** Whether this host has IPv6 at all. */
export function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));
}
