import { type Ip, ipKey } from "../../../../net/ip.ts";
import type { Rule } from "../../../../modes/iptables/ruleset.ts";
import type { Packet } from "../packet.ts";

/** What of a prepared rule tells where it is found. */
export interface Sectioned {
  /** IPv4: bits of the destination that must be `dst`; mask 0: any. */
  readonly dst: number;
  readonly dstMask: number;
  /** 0: any. */
  readonly dstPort: number;
  readonly source: Rule;
}

/** Rules `start` to before `end` of a chain, found by what all of them ask for; without a map each is looked at. */
export interface Section {
  readonly start: number;
  readonly end: number;
  readonly by?: "destination" | "port";
  readonly places?: ReadonlyMap<number | string, readonly number[]>;
}

/** Shorter runs are gone through as fast. */
const SHORTEST = 8;
const none: readonly number[] = [];

/** Cuts a chain where its rules ask for other things: first by single destinations, then by destination ports. */
export function buildSections(rules: readonly Sectioned[]): readonly Section[] {
  const sections: Section[] = [];
  const keys = rules.map(keyOf);
  for (let start = 0; start < rules.length;) {
    const by = keys[start]?.by;
    let end = start + 1;
    while (end < rules.length && keys[end]?.by === by) end += 1;
    if (by === undefined || end - start < SHORTEST) addPlain(sections, start, end);
    else sections.push({ start, end, by, places: placesOf(keys, start, end) });
    start = end;
  }
  return sections;
}

interface Key {
  readonly by: "destination" | "port";
  readonly value: number | string;
}

function addPlain(sections: Section[], start: number, end: number): void {
  const last = sections.at(-1);
  if (last !== undefined && last.places === undefined) sections[sections.length - 1] = { start: last.start, end };
  else sections.push({ start, end });
}

function placesOf(keys: readonly (Key | undefined)[], start: number, end: number): NonNullable<Section["places"]> {
  const places = new Map<number | string, number[]>();
  for (let at = start; at < end; at += 1) {
    const { value } = keys[at]!;
    const known = places.get(value);
    if (known === undefined) places.set(value, [at]);
    else known.push(at);
  }
  return places;
}

function keyOf({ dst, dstMask, dstPort, source }: Sectioned): Key | undefined {
  if (dstMask === -1) return { by: "destination", value: dst >>> 0 };
  const ip6 = singleIp6(source.matches);
  if (ip6 !== undefined) return { by: "destination", value: ipKey(ip6) };
  return dstPort === 0 ? undefined : { by: "port", value: dstPort };
}

function singleIp6(matches: Rule["matches"]): Ip | undefined {
  for (const match of matches) {
    if (match.kind !== "destination" || match.not === true) continue;
    const { base, bits } = match.range;
    return typeof base !== "number" && bits === 128 ? base : undefined;
  }
  return undefined;
}

/** The rules of a section that may apply to a packet, in order. @returns undefined: any may. */
export function candidates(
  { by, places }: Section,
  { dst, dstPort, dstPorts }: Pick<Packet, "dst" | "dstPort"> & Partial<Pick<Packet, "dstPorts">>,
): readonly number[] | undefined {
  if (places === undefined || (by === "port" && dstPorts !== undefined)) return undefined;
  return places.get(by === "destination" ? ipKey(dst) : dstPort) ?? none;
}
