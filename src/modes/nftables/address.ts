import { formatIp, type Ip, tryParseIp } from "../../net/ip.ts";

/** An address as nft prints it: IPv6 that holds an IPv4 address ends in its dotted form. Source: glibc, `inet_ntop`. */
export function formatAddress(ip: Ip): string {
  if (typeof ip === "number" || ip.w0 !== 0 || ip.w1 !== 0) return formatIp(ip);
  const { w2, w3 } = ip;
  if (w2 === 0xffff) return `::ffff:${dotted(w3)}`;
  return w2 === 0 && w3 > 0xffff ? `::${dotted(w3)}` : formatIp(ip);
}

/** @returns undefined unless the text is an address just as nft prints it. */
export function tryParseAddress(text: string): Ip | undefined {
  const ip = tryParseIp(text);
  if (ip === undefined) return undefined;
  const own = typeof ip === "number" && text.includes(":") ? { w0: 0, w1: 0, w2: 0xffff, w3: ip } : ip;
  return formatAddress(own) === text ? own : undefined;
}

function dotted(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}
