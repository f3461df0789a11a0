import type { Cidr } from "../../net/cidr.ts";
import type { Ip } from "../../net/ip.ts";
import { address, range } from "./expressions.ts";
import type { Constant, Expression } from "./ruleset.ts";

/** The first and the last address, as numbers. */
interface Interval {
  readonly first: bigint;
  last: bigint;
}

/**
 * Several ranges of one family as nft makes them of `{ one, another }`: a single one is compared with; of more it makes
 * a set, sorted, with those that touch merged, which then may be a set of one. Source: nft 1.0.6, `set_to_intervals`.
 *
 * @param ranges one or more.
 */
export function anyOf(ranges: readonly Cidr[]): Expression {
  const [only] = ranges;
  if (only !== undefined && ranges.length === 1) return range(only);
  const width = typeof only?.base === "number" ? 32 : 128;
  const merged = merge(ranges.map((one) => intervalOf(one, width)));
  return { kind: "set", elements: merged.map((interval) => ({ key: constantOf(interval, width) })) };
}

function merge(intervals: readonly Interval[]): readonly Interval[] {
  const out: Interval[] = [];
  for (const { first, last } of intervals.toSorted(byFirst)) {
    const previous = out.at(-1);
    if (previous === undefined || first > previous.last + 1n) out.push({ first, last });
    else if (last > previous.last) previous.last = last;
  }
  return out;
}

function byFirst(a: Interval, b: Interval): number {
  return a.first < b.first ? -1 : Number(a.first > b.first);
}

function intervalOf({ base, bits }: Cidr, width: number): Interval {
  const first = numberOf(base);
  return { first, last: first + (1n << BigInt(width - bits)) - 1n };
}

function constantOf({ first, last }: Interval, width: number): Constant {
  const size = last - first + 1n;
  const isPrefix = (size & (size - 1n)) === 0n && first % size === 0n;
  if (isPrefix) return range({ base: ipOf(first, width), bits: width - (size.toString(2).length - 1) });
  return { kind: "range", from: address(ipOf(first, width)), to: address(ipOf(last, width)) };
}

function numberOf(ip: Ip): bigint {
  if (typeof ip === "number") return BigInt(ip);
  return [ip.w0, ip.w1, ip.w2, ip.w3].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

function ipOf(value: bigint, width: number): Ip {
  const word = (shift: bigint): number => Number((value >> shift) & 0xffff_ffffn);
  return width === 32 ? (word(0n) as Ip) : { w0: word(96n), w1: word(64n), w2: word(32n), w3: word(0n) };
}
