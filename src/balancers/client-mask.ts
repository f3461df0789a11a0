import { maskIp } from "../net/cidr.ts";
import { type Ip, type Ip4, tryParseIp } from "../net/ip.ts";

const ONES = 0xffff_ffff;

/**
 * Reads which bits tell one client's address from another's, as `ipvsadm -M` takes it: dotted for IPv4
 * (`255.255.255.0`), the length of the prefix for IPv6 (1…128).
 *
 * @returns undefined for what is neither.
 */
export function tryReadClientMask(value: unknown): Ip | undefined {
  if (typeof value === "string") return value.includes(":") ? undefined : tryParseIp(value);
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 128) return undefined;
  return maskIp({ w0: ONES, w1: ONES, w2: ONES, w3: ONES }, value as number);
}

/** The bits of an address that count. One of another family than the mask is left as it is. */
export function maskClient(client: Ip, mask: Ip): Ip {
  if (typeof client === "number") return (typeof mask === "number" ? (client & mask) >>> 0 : client) as Ip4;
  if (typeof mask === "number") return client;
  return {
    w0: (client.w0 & mask.w0) >>> 0,
    w1: (client.w1 & mask.w1) >>> 0,
    w2: (client.w2 & mask.w2) >>> 0,
    w3: (client.w3 & mask.w3) >>> 0,
  };
}
