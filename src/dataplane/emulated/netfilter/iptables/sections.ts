import { ipKey } from "../../../../net/ip.ts";
import type { Match, Rule } from "../../../../modes/iptables/ruleset.ts";
import type { Packet } from "../packet.ts";

/** Rules `start` to before `end` of a chain, found by what all of them ask for; without a map each is looked at. */
export interface Section {
  readonly start: number;
  readonly end: number;
  readonly by?: "destination" | "port";
  readonly places?: Places;
}

/** Shorter runs are gone through as fast. */
const SHORTEST = 8;
const none: readonly number[] = [];

/** Cuts a chain where its rules ask for other things: first by single destinations, then by destination ports. */
export function buildSections(rules: readonly Rule[]): readonly Section[] {
  const sections: Section[] = [];
  const keys = rules.map(keyOf);
  for (let start = 0; start < rules.length;) {
    const by = keys[start]?.by;
    let end = start + 1;
    while (end < rules.length && keys[end]?.by === by) end += 1;
    if (by === undefined || end - start < SHORTEST) addPlain(sections, start, end);
    else sections.push({ start, end, by, places: new Places(keys.slice(start, end), start) });
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

/** So often a section is gone through by its values: a trace asks a few times, and a map of a large one takes long. */
const FEW = 16;

/** Where the rules of a section stand, by what they ask for. */
class Places {
  readonly #values: readonly (number | string)[];
  readonly #start: number;
  #asked = 0;
  #byValue: ReadonlyMap<number | string, readonly number[]> | undefined;

  constructor(keys: readonly (Key | undefined)[], start: number) {
    this.#values = keys.map((key) => key!.value);
    this.#start = start;
  }

  /** In order. */
  of(value: number | string): readonly number[] {
    if (this.#byValue !== undefined) return this.#byValue.get(value) ?? none;
    this.#asked += 1;
    if (this.#asked > FEW) this.#byValue = placesByValue(this.#values, this.#start);
    return this.#gone(value);
  }

  #gone(value: number | string): readonly number[] {
    const places: number[] = [];
    for (let at = this.#values.indexOf(value); at >= 0; at = this.#values.indexOf(value, at + 1)) {
      places.push(this.#start + at);
    }
    return places;
  }
}

function placesByValue(
  values: readonly (number | string)[],
  start: number,
): ReadonlyMap<number | string, readonly number[]> {
  const places = new Map<number | string, number[]>();
  for (const [at, value] of values.entries()) {
    const known = places.get(value);
    if (known === undefined) places.set(value, [start + at]);
    else known.push(start + at);
  }
  return places;
}

/** What stands in a rule's head in the kernel, and what looks at nothing. */
const passedOver: ReadonlySet<Match["kind"]> = new Set([
  "source",
  "in-interface",
  "out-interface",
  "protocol",
  "protocol-module",
  "comment",
]);

/** A port behind something that may draw or remember is none to be found by: that is asked first, whatever the port. */
function keyOf({ matches }: Rule): Key | undefined {
  let port: Key | undefined;
  let isFirst = true;
  for (const match of matches) {
    if (match.kind === "destination" && match.not !== true) {
      const { base, bits } = match.range;
      if (bits === (typeof base === "number" ? 32 : 128)) return { by: "destination", value: ipKey(base) };
    } else if (match.kind === "destination-port" && match.not !== true) {
      if (isFirst && match.port !== 0) port ??= { by: "port", value: match.port };
    } else if (!passedOver.has(match.kind)) isFirst = false;
  }
  return port;
}

/** The rules of a section that may apply to a packet, in order. @returns undefined: any may. */
export function candidates(
  { by, places }: Section,
  { dst, dstPort, dstPorts }: Pick<Packet, "dst" | "dstPort"> & Partial<Pick<Packet, "dstPorts">>,
): readonly number[] | undefined {
  if (places === undefined || (by === "port" && dstPorts !== undefined)) return undefined;
  return places.of(by === "destination" ? ipKey(dst) : dstPort);
}
