import { formatIp, type Ip, sameIp } from "../../../../net/ip.ts";
import type { Walk } from "../walk.ts";

/** A number of at most 32 bits, also of an IPv4 address; an IPv6 address; or a name. */
export type Atom = number | Exclude<Ip, number> | string;

/** There is no such thing: the rule ends there. */
export const MISSING: unique symbol = Symbol("missing");
/** Nobody can tell. */
export const UNKNOWN: unique symbol = Symbol("unknown");
export type Absent = typeof MISSING | typeof UNKNOWN;

/** What an expression is for a packet; several values are a concatenation. */
export type Value = Atom | readonly Atom[] | Absent;

/** Reads a value off the packet of a walk. */
export type Read = (walk: Walk) => Value;

export function isAbsent(value: Value): value is Absent {
  return typeof value === "symbol";
}

/** A key of maps: the same for the same value. */
export function keyOf(value: Atom | readonly Atom[]): number | string {
  if (typeof value === "number") return value;
  if (typeof value === "string") return `"${value}`;
  if (!isConcatenation(value)) return formatIp(value);
  let key = "";
  for (const atom of value) key += `${keyOf(atom)} `;
  return key;
}

export function isConcatenation(value: Atom | readonly Atom[]): value is readonly Atom[] {
  return Array.isArray(value);
}

/** As their keys are, without making those of single values. */
export function isSame(a: Atom | readonly Atom[], b: Atom | readonly Atom[]): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  if (isConcatenation(a) || isConcatenation(b)) return keyOf(a) === keyOf(b);
  return sameIp(a, b);
}

/** Below 0, 0 or above 0, as numbers; names, by their letters. */
export function compare(a: Atom, b: Atom): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "object" && typeof b === "object") return a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3;
  const [left, right] = [String(keyOf(a)), String(keyOf(b))];
  return left < right ? -1 : Number(left > right);
}
