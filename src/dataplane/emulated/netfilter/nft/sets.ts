import type { Constant, Element, Expression, NamedSet } from "../../../../modes/nftables/ruleset.ts";
import { familyOf, type Ip } from "../../../../net/ip.ts";
import { numberNamed, type Sort } from "./names.ts";
import { type Atom, compare, isConcatenation, keyOf } from "./value.ts";

/** The elements of a set or map by their keys. `undefined` as a value is of an element without data. */
export interface PreparedSet {
  /** @returns the element that has the value; undefined: none has. */
  find(value: Atom | readonly Atom[]): Element | undefined;
  /** Whether there is an element that nobody could read. */
  readonly isPartial: boolean;
}

/** From and to, both in it. */
interface Interval {
  readonly from: Atom;
  readonly to: Atom;
  /** `eth*`: a name that starts so. */
  readonly prefix?: string;
}

/** @param sorts of the parts of the key. @param laterSeconds how long ago the elements were listed. */
export function prepareSet(elements: NamedSet["elements"], sorts: readonly Sort[], laterSeconds = 0): PreparedSet {
  const exact = new Map<number | string, Element>();
  let other: Element | undefined;
  const ranges: { readonly intervals: readonly Interval[]; readonly element: Element }[] = [];
  let isPartial = false;
  for (const element of elements) {
    if (isOver(element, laterSeconds)) continue;
    if (isCatchAll(element)) {
      other = element;
      continue;
    }
    const parts = element.key.kind === "concat" ? element.key.parts : [element.key];
    const intervals = parts.map((part, at) => intervalOf(part, sorts[at] ?? sorts[0] ?? "other"));
    if (intervals.includes(undefined) || !isPlain(element)) isPartial = true;
    else if (intervals.every((one) => isPoint(one!))) {
      const atoms = intervals.map((one) => one!.from);
      exact.set(keyOf(atoms.length === 1 ? atoms[0]! : atoms), element);
    } else ranges.push({ intervals: intervals as Interval[], element });
  }
  const few = fewNumbers(exact);
  return {
    isPartial,
    find(value) {
      const isNone = few !== undefined && typeof value === "number" && !few.includes(value);
      const found = isNone ? undefined : exact.get(keyOf(value));
      if (found !== undefined) return found;
      if (ranges.length === 0) return isPartial ? undefined : other;
      const atoms = isConcatenation(value) ? value : [value];
      const ranged = ranges.find(({ intervals }) => intervals.every((one, at) => isIn(atoms[at], one)))?.element;
      return ranged ?? (isPartial ? undefined : other);
    },
  };
}

const FEW = 8;

/** A few numbers side by side are looked through sooner than a map. @returns undefined for more, and for other keys. */
function fewNumbers(exact: ReadonlyMap<number | string, Element>): readonly number[] | undefined {
  const keys = exact.size <= FEW ? [...exact.keys()] : [];
  const numbers = keys.filter((key) => typeof key === "number");
  return numbers.length === exact.size ? numbers : undefined;
}

function isOver({ expiresSeconds }: Element, laterSeconds: number): boolean {
  return laterSeconds > 0 && expiresSeconds !== undefined && expiresSeconds <= laterSeconds;
}

/** `*` stands for whatever no other element has. */
function isCatchAll({ key }: Element): boolean {
  return key.kind === "text" && key.text === "*";
}

/** What comes with an element is run by every look-up, and may end the rule: only counting never does. */
function isPlain({ statements = [] }: Element): boolean {
  return statements.every(
    ({ kind, ...rest }) => kind === "counter" || (kind === "unknown" && "json" in rest && isLast(rest.json)),
  );
}

function isLast(json: unknown): boolean {
  return typeof json === "object" && json !== null && Object.hasOwn(json, "last");
}

function isPoint({ from, to, prefix }: Interval): boolean {
  return prefix === undefined && compare(from, to) === 0;
}

export function isIn(atom: Atom | undefined, { from, to, prefix }: Interval): boolean {
  if (atom === undefined) return false;
  if (prefix !== undefined) return typeof atom === "string" && atom.startsWith(prefix);
  return typeof atom === typeof from && compare(from, atom) <= 0 && compare(atom, to) <= 0;
}

/** What a constant stands for. @returns undefined for what is none, or has no meaning here. */
export function intervalOf(expression: Expression, sort: Sort): Interval | undefined {
  switch (expression.kind) {
    case "ip":
      return { from: expression.ip, to: expression.ip };
    case "number":
      return { from: expression.value, to: expression.value };
    case "cidr": {
      const { base, bits } = expression.range;
      return { from: base, to: lastOf(base, bits) };
    }
    case "prefix":
      return prefixInterval(expression.value, expression.bits, bitsOf[sort]);
    case "text":
      return textInterval(expression.text, sort);
    case "range": {
      const [from, to] = [intervalOf(expression.from, sort), intervalOf(expression.to, sort)];
      return from === undefined || to === undefined ? undefined : { from: from.from, to: to.to };
    }
    default:
      return undefined;
  }
}

/** How wide a number is that can stand with a prefix; of other sorts nobody says it. */
const bitsOf: { readonly [S in Sort]?: number } = { port: 16, "ether-type": 16, protocol: 8, "tcp-flags": 8, mark: 32 };

function prefixInterval(from: number, bits: number, width = 0): Interval | undefined {
  const rest = 2 ** (width - bits) - 1;
  return width < bits || from % (rest + 1) !== 0 ? undefined : { from, to: from + rest };
}

function textInterval(text: string, sort: Sort): Interval | undefined {
  if (sort === "interface") {
    return text.endsWith("*") ? { from: text, to: text, prefix: text.slice(0, -1) } : { from: text, to: text };
  }
  const number = numberNamed(text, sort);
  return number === undefined ? undefined : { from: number, to: number };
}

function lastOf(base: Ip, bits: number): Ip {
  const word = (value: number, kept: number): number => {
    if (kept >= 32) return value;
    return kept <= 0 ? 0xffff_ffff : (value | (0xffff_ffff >>> kept)) >>> 0;
  };
  if (familyOf(base) === 4) return word(base as number, bits) as Ip;
  const { w0, w1, w2, w3 } = base as Exclude<Ip, number>;
  return { w0: word(w0, bits), w1: word(w1, bits - 32), w2: word(w2, bits - 64), w3: word(w3, bits - 96) };
}

/** One value. @returns undefined for a range, or what has no meaning here. */
export function atomOf(constant: Constant | Expression, sort: Sort): Atom | undefined {
  const interval = intervalOf(constant, sort);
  return interval !== undefined && isPoint(interval) ? interval.from : undefined;
}
