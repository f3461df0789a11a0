import type { NodeView } from "../model/model.ts";
import { type Cidr, coversLoopback, hostCidr, inCidr } from "../net/cidr.ts";
import { type Family, familyOf, type Ip, type Ip4, isLoopback } from "../net/ip.ts";
import { readRanges } from "./read-ranges.ts";

/** Where node ports answer, as configured. No range of a family: all addresses of that family. */
export type NodePortRanges = "primary" | readonly Cidr[];

/** Where node ports of one family answer on one node. */
export interface NodePortAddresses {
  /** On every local address, whichever the node has. */
  readonly all: boolean;
  /** The local addresses that match, loopback among them when a range covers it; of `all`, those that are known. */
  readonly addresses: readonly Ip[];
  /** 127.0.0.0/8 is among them; never true for IPv6. */
  readonly ipv4Loopback: boolean;
}

const LOOPBACK: { readonly [F in Family]: Ip } = { 4: 0x7f000001 as Ip4, 6: { w0: 0, w1: 0, w2: 0, w3: 1 } };

/**
 * Reads the option `nodePortAddresses`.
 *
 * @param value `["primary"]`, or ranges such as `10.0.0.0/8`.
 * @param path names the field in the error.
 * @throws {SluiceError} CONFIG_INVALID.
 */
export function readNodePortRanges(value: unknown, path: string): NodePortRanges {
  if (Array.isArray(value) && value.length === 1 && value[0] === "primary") return "primary";
  return readRanges(value, path);
}

/** Matches the ranges with the node's addresses. Source: kube-proxy, `NewNodePortAddresses`, `GetNodeIPs`. */
export function nodePortAddresses(ranges: NodePortRanges, family: Family, node: NodeView): NodePortAddresses {
  const own = (ranges === "primary" ? primaryRanges(node) : ranges).filter(({ base }) => familyOf(base) === family);
  const local = node.addresses.filter((ip) => familyOf(ip) === family);
  if (own.length === 0 || own.some(({ bits }) => bits === 0)) {
    return { all: true, addresses: local, ipv4Loopback: family === 4 };
  }
  const matching = [LOOPBACK[family], ...local].filter((ip) => own.some((range) => inCidr(ip, range)));
  return { all: false, addresses: matching, ipv4Loopback: family === 4 && own.some(coversLoopback) };
}

/** A family whose address is not known has none, and so answers everywhere. */
function primaryRanges({ ip4, ip6 }: NodeView): Cidr[] {
  return [ip4, ip6].filter((ip) => !isLoopback(ip)).map(hostCidr);
}
