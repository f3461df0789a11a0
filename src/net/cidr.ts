import { configInvalid } from "../core/errors.ts";
import { formatIp, type Ip, type Ip4, isLoopback, tryParseIp } from "./ip.ts";

/** A range: the addresses whose first `bits` bits are those of `base`. Host bits of `base` are 0. */
export interface Cidr {
  readonly base: Ip;
  /** 0…32 for IPv4, 0…128 for IPv6. */
  readonly bits: number;
}

/**
 * Reads `address/bits` as Go's `ParseCIDRSloppy` does; host bits are cleared, `::ffff:10.0.0.0/104` is 10.0.0.0/8.
 *
 * @returns undefined when it is no range; ours: also for an IPv4-mapped address with less than 96 bits, a mix of families.
 */
export function tryParseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = text.slice(0, slash);
  const ip = tryParseIp(address);
  const length = text.slice(slash + 1);
  if (ip === undefined || !/^0*\d{1,3}$/.test(length)) return undefined;
  const mapped = typeof ip === "number" && address.includes(":");
  const bits = Number(length) - (mapped ? 96 : 0);
  if (bits < 0 || bits > (typeof ip === "number" ? 32 : 128)) return undefined;
  return { base: maskIp(ip, bits), bits };
}

/** @throws {SluiceError} CONFIG_INVALID unless the text is a range. @param path names the field in the error. */
export function parseCidr(text: string, path = "range"): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr === undefined) throw configInvalid(path, "a range such as 10.0.0.0/8", text);
  return cidr;
}

export function formatCidr({ base, bits }: Cidr): string {
  return `${formatIp(base)}/${bits}`;
}

/** The range that holds this address alone. */
export function hostCidr(ip: Ip): Cidr {
  return { base: ip, bits: typeof ip === "number" ? 32 : 128 };
}

/** Keeps the first `bits` bits and clears the rest. */
export function maskIp(ip: Ip, bits: number): Ip {
  if (typeof ip === "number") return maskWord(ip, bits) as Ip4;
  return {
    w0: maskWord(ip.w0, bits),
    w1: maskWord(ip.w1, bits - 32),
    w2: maskWord(ip.w2, bits - 64),
    w3: maskWord(ip.w3, bits - 96),
  };
}

function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}

/** Whether the address lies in the range; never across families. Allocates nothing. */
export function inCidr(ip: Ip, { base, bits }: Cidr): boolean {
  if (typeof ip === "number" || typeof base === "number") {
    return typeof ip === "number" && typeof base === "number" && maskWord(ip, bits) === base;
  }
  return (
    maskWord(ip.w0, bits) === base.w0 &&
    maskWord(ip.w1, bits - 32) === base.w1 &&
    maskWord(ip.w2, bits - 64) === base.w2 &&
    maskWord(ip.w3, bits - 96) === base.w3
  );
}

/** Whether the range covers loopback, by kube-proxy's test: its base is a loopback address, or it holds 127.0.0.0. */
export function coversLoopback(cidr: Cidr): boolean {
  return isLoopback(cidr.base) || inCidr(0x7f000000 as Ip4, cidr);
}
