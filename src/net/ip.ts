import { configInvalid } from "../core/errors.ts";

/**
 * An IPv4 address as an unsigned 32-bit number, most significant octet first.
 * Text exists only at the edges: parsing input, rendering rules, reporting.
 */
export type Ip4 = number & { readonly __unit: "ip4" };

/** An IPv6 address as eight octet pairs in four unsigned 32-bit words, most significant first. */
export interface Ip6 {
  /** Octets 0…3. */
  readonly w0: number;
  /** Octets 4…7. */
  readonly w1: number;
  /** Octets 8…11. */
  readonly w2: number;
  /** Octets 12…15. */
  readonly w3: number;
}

/** An address of either family: `typeof ip === "number"` tells IPv4. Compare with `sameIp`. */
export type Ip = Ip4 | Ip6;
export type Family = 4 | 6;

export function familyOf(ip: Ip): Family {
  return typeof ip === "number" ? 4 : 6;
}

/**
 * Reads an address as Go's `ParseIPSloppy` does, which kube-proxy uses for objects: an octet may have
 * leading zeros and is decimal all the same (`010.0.0.1` is 10.0.0.1), so may a group of IPv6, and `::ffff:1.2.3.4` is
 * IPv4.
 *
 * @returns undefined when the text is no address.
 */
export function tryParseIp(text: string): Ip | undefined {
  if (!text.includes(":")) return parseOctets(text);
  const words = parseHextets(text);
  if (words === undefined) return undefined;
  const [w0, w1, w2, w3] = words as [number, number, number, number];
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return w3 as Ip4;
  return { w0, w1, w2, w3 };
}

/**
 * @param path names the field in the error.
 * @throws {SluiceError} CONFIG_INVALID unless the text is an address.
 */
export function parseIp(text: string, path = "address"): Ip {
  const ip = tryParseIp(text);
  if (ip === undefined) throw configInvalid(path, "an IPv4 or IPv6 address", text);
  return ip;
}

const DOT = 46;
const ZERO = 48;

/** Digit by digit: a large dump has a hundred thousand addresses, and cutting each into pieces would take longer. */
function parseOctets(text: string): Ip4 | undefined {
  let [bits, octet, digits, dots] = [0, 0, 0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      octet = octet * 10 + digit;
      digits += 1;
      if (octet > 255) return undefined;
    } else {
      if (code !== DOT || digits === 0) return undefined;
      bits = bits * 256 + octet;
      octet = 0;
      digits = 0;
      dots += 1;
    }
  }
  return dots === 3 && digits > 0 ? ((bits * 256 + octet) as Ip4) : undefined;
}

/** @returns four 32-bit words, or undefined. */
function parseHextets(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const left = hextets(halves[0]!, halves.length === 1);
  const right = halves.length === 2 ? hextets(halves[1]!, true) : [];
  if (left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array.from({ length: missing }, () => 0), ...right];
  return [0, 2, 4, 6].map((i) => all[i]! * 65536 + all[i + 1]!);
}

/** @param last the part may end in a dotted IPv4 address. */
function hextets(part: string, last: boolean): number[] | undefined {
  if (part === "") return [];
  const groups = part.split(":");
  const out: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (last && i === groups.length - 1 && group.includes(".")) {
      const ip4 = parseOctets(group);
      if (ip4 === undefined) return undefined;
      out.push(ip4 >>> 16, ip4 & 0xffff);
    } else if (/^0*[0-9a-fA-F]{1,4}$/.test(group)) {
      out.push(Number.parseInt(group, 16));
    } else return undefined;
  }
  return out;
}

/** The canonical text: dotted decimal, or RFC 5952 (lower case, the longest run of zeros cut). */
export function formatIp(ip: Ip): string {
  if (typeof ip === "number") return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
  const groups = [ip.w0, ip.w1, ip.w2, ip.w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  const { start, length } = longestZeroRun(groups);
  const text = groups.map((group) => group.toString(16));
  if (length < 2) return text.join(":");
  return `${text.slice(0, start).join(":")}::${text.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end);
  }
  return best;
}

export function sameIp(a: Ip, b: Ip): boolean {
  if (typeof a === "number" || typeof b === "number") return a === b;
  return a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3;
}

/** A key for maps: equal for equal addresses, different for different ones. */
export function ipKey(ip: Ip): number | string {
  return typeof ip === "number" ? ip : formatIp(ip);
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(ip: Ip): boolean {
  if (typeof ip === "number") return ip >>> 24 === 127;
  return ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0 && ip.w3 === 1;
}
