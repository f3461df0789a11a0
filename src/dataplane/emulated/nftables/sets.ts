import type { Constant, Element, Expression } from "../../../modes/nftables/ruleset.ts";
import { inCidr } from "../../../net/cidr.ts";
import type { Ip } from "../../../net/ip.ts";
import { notEmulated } from "../not-emulated.ts";
import type { Packet } from "../packet.ts";
import { addressOf, type Key, type KeyReader, prepareKey, prepareKeys } from "./keys.ts";

/** Finds what a set or map has for a packet. */
export type Lookup<T> = (packet: Packet) => T | undefined;

/** Whether a key, which is the address where it is one, lies in what is no single value. */
type InRange = (key: Key, ip: Ip | undefined) => boolean;

/**
 * Makes the elements of a set ready: single values are looked up, O(1); ranges of a key of one part are gone through.
 *
 * @param of what the key is read from.
 * @param valueOf what an element has.
 * @throws {SluiceError} DATAPLANE_FAILED for keys that kube-proxy's sets do not have.
 */
export function prepareLookup<T>(
  elements: readonly Element[],
  of: Expression,
  valueOf: (element: Element) => T,
): Lookup<T> {
  const readers = prepareKeys(of);
  const singles: Level<T> = new Map();
  const ranges: (readonly [InRange, T])[] = [];
  for (const element of elements) {
    const keys = readers.map((reader) => reader.of(element.key));
    if (keys.every((key) => key !== undefined)) put(singles, keys, valueOf(element));
    else ranges.push([rangeTest(element.key, readers[0]!), valueOf(element)]);
  }
  const single = find(singles, readers);
  if (ranges.length === 0) return single;
  const { read } = readers[0]!;
  const ip = addressOf(of);
  return (packet) => single(packet) ?? ranges.find(([holds]) => holds(read(packet), ip?.(packet)))?.[1];
}

/** What a set has, by its keys one after the other. */
type Level<T> = Map<Key, Level<T> | T>;

/** What comes first stays, as in a set that was checked for doubles. */
function put<T>(level: Level<T>, [key, ...rest]: readonly Key[], value: T): void {
  if (rest.length === 0) {
    if (!level.has(key!)) level.set(key!, value);
    return;
  }
  let next = level.get(key!) as Level<T> | undefined;
  if (next === undefined) level.set(key!, (next = new Map()));
  put(next, rest, value);
}

function find<T>(singles: Level<T>, readers: readonly KeyReader[]): Lookup<T> {
  const [first, ...rest] = readers;
  if (rest.length === 0) return (packet) => singles.get(first!.read(packet)) as T | undefined;
  return (packet) => {
    let level: Level<T> | T | undefined = singles;
    for (const { read } of readers) {
      if (level === undefined) return undefined;
      level = (level as Level<T>).get(read(packet));
    }
    return level as T | undefined;
  };
}

/** Makes a comparison with one constant ready. */
export function prepareComparison(of: Expression, constant: Expression): (packet: Packet) => boolean {
  const reader = prepareKey(of);
  const key = reader.of(constant);
  if (constant.kind === "text" && constant.text.endsWith("*")) {
    const prefix = constant.text.slice(0, -1);
    return (packet) => String(reader.read(packet)).startsWith(prefix);
  }
  if (key !== undefined) return (packet) => reader.read(packet) === key;
  const holds = rangeTest(constant, reader);
  const ip = addressOf(of);
  return (packet) => holds(reader.read(packet), ip?.(packet));
}

function rangeTest(constant: Expression, reader: KeyReader): InRange {
  switch (constant.kind) {
    case "cidr": {
      const { range } = constant;
      return (_, ip) => ip !== undefined && inCidr(ip, range);
    }
    case "prefix": {
      const shift = 32 - constant.bits;
      const wanted = constant.value >>> shift;
      return (key) => (key as number) >>> shift === wanted;
    }
    case "range":
      return between(constant, reader);
    default:
      throw notEmulated(`nftables: ${constant.kind} in a set`);
  }
}

function between({ from, to }: Constant & { readonly kind: "range" }, reader: KeyReader): InRange {
  if (from.kind === "ip" && to.kind === "ip") {
    const [first, last] = [from.ip, to.ip];
    return (_, ip) => ip !== undefined && compareIps(first, ip) <= 0 && compareIps(ip, last) <= 0;
  }
  const [first, last] = [reader.of(from), reader.of(to)];
  if (typeof first !== "number" || typeof last !== "number") throw notEmulated("nftables: a range of texts");
  return (key) => typeof key === "number" && first <= key && key <= last;
}

/** Of one family. */
function compareIps(a: Ip, b: Ip): number {
  if (typeof a === "number" || typeof b === "number") return Number(a) - Number(b);
  return a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3;
}
