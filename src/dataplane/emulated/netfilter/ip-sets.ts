import type { IpSet, SetEntry, SetPart } from "../../../modes/ipvs/ip-set.ts";
import { inCidr } from "../../../net/cidr.ts";
import type { Ip } from "../../../net/ip.ts";
import { familyOf, ipKey } from "../../../net/ip.ts";
import type { Packet } from "./packet.ts";

export type SetDirection = "src" | "dst";

/** Whether a packet is in a set; undefined: nobody can tell from what is known of the packet. */
export type SetTest = (packet: Packet, directions: readonly SetDirection[]) => boolean | undefined;

/**
 * Makes sets ready to be asked, by name.
 *
 * @param laterSeconds how long ago they were saved.
 *
 * Sets of addresses and ports are looked up; others are gone through. */
export function prepareSets(sets: readonly IpSet[], laterSeconds = 0): ReadonlyMap<string, SetTest> {
  const tests = new Map<string, SetTest>();
  for (const set of sets) tests.set(set.name, prepareSet(after(set, laterSeconds), tests));
  return tests;
}

/** Without the entries whose time is over. */
function after(set: IpSet, laterSeconds: number): IpSet {
  if (laterSeconds === 0) return set;
  const stays = ({ options = [] }: SetEntry): boolean => {
    const left = Number(options.find(({ name }) => name === "timeout")?.value ?? 0);
    return left === 0 || left > laterSeconds;
  };
  return { ...set, entries: set.entries.filter(stays) };
}

function prepareSet(set: IpSet, others: ReadonlyMap<string, SetTest>): SetTest {
  const [method, dimensionText = ""] = set.type.split(":");
  if (method === "list") return unionOf(set, others);
  const dimensions = dimensionText.split(",");
  if (dimensions.some((dimension) => !["ip", "net", "port", "iface", "mark"].includes(dimension)))
    return () => undefined;
  const test = hashed(set, dimensions) ?? scanned(set, dimensions);
  const at = dimensions.flatMap((dimension, place) => (dimension === "port" ? [place] : []));
  if (at.length === 0) return test;
  const isOfIcmp = set.entries.some(({ parts }) => at.some((place) => parts[place]?.kind === "word"));
  return (packet, directions) => {
    const isDrawn = at.some((place) => isPortDrawn(packet, directions[place] ?? "src"));
    const isIcmp = isOfIcmp && (packet.proto === 1 || packet.proto === 58);
    return isDrawn || isIcmp ? undefined : test(packet, directions);
  };
}

/** The kernel chose it by chance. */
function isPortDrawn({ srcPorts, dstPorts }: Packet, direction: SetDirection): boolean {
  return (direction === "src" ? srcPorts : dstPorts) !== undefined;
}

/** A list holds what any of its sets holds. */
function unionOf({ entries }: IpSet, others: ReadonlyMap<string, SetTest>): SetTest {
  const names = entries.flatMap(({ parts }) => parts.map((part) => (part.kind === "word" ? part.text : "")));
  return (packet, directions) => {
    const answers = new Set(names.map((name) => others.get(name)?.(packet, directions)));
    if (answers.has(true)) return true;
    return answers.has(undefined) ? undefined : false;
  };
}

/** @returns undefined when some entry is more than one address or is no plain port. */
function hashed({ entries }: IpSet, dimensions: readonly string[]): SetTest | undefined {
  const keys = new Set<string>();
  for (const { parts, options } of entries) {
    if (parts.length !== dimensions.length || options?.some(({ name }) => isTurning(name)) === true) return undefined;
    const key = parts.map(partKey);
    if (key.includes(undefined)) return undefined;
    keys.add(key.join(" "));
  }
  return (packet, directions) =>
    keys.has(dimensions.map((dimension, at) => valueKey(packet, dimension, directions[at] ?? "src")).join(" "));
}

/** Options of an entry that say more than that it is there. */
function isTurning(option: string): boolean {
  return option === "nomatch" || option === "wildcard";
}

function partKey(part: SetPart): string | undefined {
  switch (part.kind) {
    case "range": {
      const single = part.range.bits === (familyOf(part.range.base) === 4 ? 32 : 128);
      return single ? String(ipKey(part.range.base)) : undefined;
    }
    case "port":
      return part.proto === undefined ? undefined : `${part.proto}:${part.port}`;
    case "word":
      return undefined;
  }
}

function valueKey(packet: Packet, dimension: string, direction: SetDirection): string {
  switch (dimension) {
    case "port":
      return `${packet.proto}:${portOf(packet, direction)}`;
    case "iface":
      return direction === "src" ? packet.inInterface : packet.outInterface;
    case "mark":
      return `0x${packet.mark.toString(16).padStart(8, "0")}`;
    default:
      return String(ipKey(ipOf(packet, direction)));
  }
}

function ipOf(packet: Packet, direction: SetDirection): Ip {
  return direction === "src" ? packet.src : packet.dst;
}

function portOf(packet: Packet, direction: SetDirection): number {
  return direction === "src" ? packet.srcPort : packet.dstPort;
}

/** Of ranges the narrowest tells, and it may say `nomatch`. */
function scanned({ entries }: IpSet, dimensions: readonly string[]): SetTest {
  const narrowFirst = entries.toSorted((a, b) => widthOf(b) - widthOf(a));
  return (packet, directions) => {
    const found = narrowFirst.find(({ parts, options }) => {
      const isPrefix = options?.some(({ name }) => name === "wildcard") === true;
      return parts.every((part, at) =>
        partHolds(part, packet, dimensions[at] ?? "", directions[at] ?? "src", isPrefix),
      );
    });
    return found !== undefined && found.options?.some(({ name }) => name === "nomatch") !== true;
  };
}

function widthOf({ parts }: SetEntry): number {
  return parts.reduce((sum, part) => sum + (part.kind === "range" ? part.range.bits : 0), 0);
}

/** @param isPrefix whether the name of an interface stands for all that begin so. */
function partHolds(
  part: SetPart,
  packet: Packet,
  dimension: string,
  direction: SetDirection,
  isPrefix: boolean,
): boolean {
  switch (part.kind) {
    case "range":
      return inCidr(ipOf(packet, direction), part.range);
    case "port":
      return part.port === portOf(packet, direction) && (part.proto === undefined || part.proto === packet.proto);
    case "word":
      return isPrefix && dimension === "iface"
        ? valueKey(packet, dimension, direction).startsWith(part.text)
        : part.text === valueKey(packet, dimension, direction);
  }
}
