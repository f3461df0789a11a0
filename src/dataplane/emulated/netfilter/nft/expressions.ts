import type { Expression, NamedObject, NamedSet } from "../../../../modes/nftables/ruleset.ts";
import { chance, type Chance } from "../choices.ts";
import { fraction } from "../fraction.ts";
import { jhashWords, scaled } from "../jhash.ts";
import type { Walk } from "../walk.ts";
import { numberNamed, type Sort } from "./names.ts";
import { rawBits } from "./raw-payload.ts";
import { type PreparedRead, prepareSelector } from "./selectors.ts";
import { atomOf, type PreparedSet, prepareSet } from "./sets.ts";
import { type Atom, isAbsent, isConcatenation, MISSING, UNKNOWN, type Value } from "./value.ts";

/** The named sets and objects of a table. */
export interface TableSets {
  /** @param type as JSON has it: `limit`, `quota`. @returns undefined when the table has none of this name. */
  object(type: string, name: string): NamedObject | undefined;
  /** @returns undefined when the table has none of this name. */
  named(name: string): { readonly set: NamedSet; readonly prepared: PreparedSet } | undefined;
}

type Binary = Extract<Expression, { readonly kind: "binary" }>;
type Drawing = Extract<Expression, { readonly kind: "numgen" | "jhash" | "symhash" }>;

/** Makes an expression ready to be read off packets; what has no meaning here gives `UNKNOWN`. */
export function prepareExpression(expression: Expression, sets: TableSets, sort: Sort = "other"): PreparedRead {
  switch (expression.kind) {
    case "payload":
    case "payload-raw":
    case "meta":
    case "ct":
    case "fib":
      return prepareSelector(expression);
    case "numgen":
    case "jhash":
    case "symhash":
      return { read: drawn(expression, sets), sorts: ["other"] };
    case "concat": {
      const parts = expression.parts.map((part) => prepareExpression(part, sets));
      return { read: concatenation(parts), sorts: parts.map(({ sorts }) => sorts[0] ?? "other") };
    }
    case "binary":
      return binary(expression, sets, sort);
    case "map":
      return mapped(expression, sets);
    case "list": {
      const bits = flagBits(expression.items, sort) ?? UNKNOWN;
      return { read: () => bits, sorts: [sort] };
    }
    default: {
      const atom: Value = atomOf(expression, sort) ?? UNKNOWN;
      return { read: () => atom, sorts: [sort] };
    }
  }
}

/** Several flags as one number: a mask. @returns undefined for a name that is not known. */
export function flagBits(items: readonly Expression[], sort: Sort): number | undefined {
  const bits = items.map((item) => (item.kind === "text" ? numberNamed(item.text, sort) : atomOf(item, sort)));
  if (bits.some((bit) => typeof bit !== "number")) return undefined;
  return (bits as number[]).reduce((all, bit) => (all | bit) >>> 0, 0);
}

function concatenation(parts: readonly PreparedRead[]): (walk: Walk) => Value {
  return (walk) => {
    const atoms: Atom[] = [];
    for (const { read } of parts) {
      const value = read(walk);
      if (isAbsent(value)) return value;
      if (isConcatenation(value)) atoms.push(...value);
      else atoms.push(value);
    }
    return atoms;
  };
}

const operations: Readonly<Record<Binary["operator"], (a: number, b: number) => number>> = {
  "|": (a, b) => (a | b) >>> 0,
  "^": (a, b) => (a ^ b) >>> 0,
  "&": (a, b) => (a & b) >>> 0,
  "<<": (a, b) => (a << b) >>> 0,
  ">>": (a, b) => a >>> b,
};

function binary({ operator, operands }: Binary, sets: TableSets, sort: Sort): PreparedRead {
  const left = prepareExpression(operands[0], sets, sort);
  const own = left.sorts[0] ?? sort;
  const right = prepareExpression(operands[1], sets, own);
  const perform = operations[operator];
  const mask = operator === "&" ? atomOf(operands[1], own) : undefined;
  if (typeof mask === "number") return { read: maskedRead(operands[0], left, mask), sorts: [own] };
  const read = (walk: Walk): Value => {
    const a = left.read(walk);
    const b = right.read(walk);
    if (isAbsent(a)) return a;
    if (isAbsent(b)) return b;
    if (typeof a === "number" && typeof b === "number") return perform(a, b);
    return operator === "&" ? masked(a, b) : UNKNOWN;
  };
  return { read, sorts: [own] };
}

/** Of raw bits only those have to be known that the mask keeps. */
function maskedRead(of: Expression, left: PreparedRead, mask: number): (walk: Walk) => Value {
  if (of.kind !== "payload-raw") return maskedBy(left, mask);
  const { base, offset, bits } = of;
  return ({ packet }) => rawBits(packet, base, offset, bits, mask);
}

/** A number, and which bits of it are looked at: as marks are. */
function maskedBy({ read }: PreparedRead, mask: number): (walk: Walk) => Value {
  return (walk) => {
    const value = read(walk);
    if (typeof value === "number") return (value & mask) >>> 0;
    return isAbsent(value) ? value : UNKNOWN;
  };
}

function masked(a: Atom | readonly Atom[], b: Atom | readonly Atom[]): Value {
  if (typeof a !== "object" || typeof b !== "object" || isConcatenation(a) || isConcatenation(b)) return UNKNOWN;
  const and = (x: number, y: number): number => (x & y) >>> 0;
  return { w0: and(a.w0, b.w0), w1: and(a.w1, b.w1), w2: and(a.w2, b.w2), w3: and(a.w3, b.w3) };
}

/** A set or map by its name, or as it stands in the rule. @returns undefined for one that is not there. */
export function preparedSetOf(
  expression: Expression,
  sets: TableSets,
  sorts: readonly Sort[],
): PreparedSet | undefined {
  if (expression.kind === "set-reference") return sets.named(expression.set)?.prepared;
  return expression.kind === "set" ? prepareSet(expression.elements, sorts) : undefined;
}

/** The data of the element that has the key; where none has, the rule ends. */
function mapped({ key, data }: Extract<Expression, { readonly kind: "map" }>, sets: TableSets): PreparedRead {
  const of = prepareExpression(key, sets);
  const set = preparedSetOf(data, sets, of.sorts);
  if (set === undefined) return { read: () => UNKNOWN, sorts: ["other"] };
  const known = new Map<Expression, PreparedRead>();
  const read = (walk: Walk): Value => {
    const value = of.read(walk);
    if (isAbsent(value)) return value;
    const found = set.find(value)?.data;
    if (found === undefined) return set.isPartial ? UNKNOWN : MISSING;
    let prepared = known.get(found);
    if (prepared === undefined) {
      prepared = prepareExpression(found, sets, "port");
      known.set(found, prepared);
    }
    return prepared.read(walk);
  };
  return { read, sorts: ["other"] };
}

/** More than this many are drawn from as if each came by itself. */
const MOST_DRAWN = 4096;

function drawn(expression: Drawing, sets: TableSets): (walk: Walk) => Value {
  const { mod, offset } = expression;
  if (mod < 1 || mod > MOST_DRAWN) return () => UNKNOWN;
  if (expression.kind === "jhash" && expression.seed !== undefined) {
    return hashed(prepareExpression(expression.of, sets), mod, offset, expression.seed);
  }
  const chances = expression.kind === "numgen" && expression.mode === "random" ? scaledChances(mod) : evenChances(mod);
  const assumption = assumptionOf(expression);
  return (walk) => {
    if (assumption !== "") walk.assumptions.add(assumption);
    return offset + walk.draw(chances);
  };
}

function assumptionOf(expression: Drawing): string {
  if (expression.kind === "numgen") {
    return expression.mode === "random" ? "" : "where numgen inc stands is unknown: any place is as likely";
  }
  const name = expression.kind;
  return `the kernel's own seed of ${name} is unknown: any value is as likely`;
}

/** `mod` of 2³² random numbers, as `reciprocal_scale` divides them: all but alike. */
function scaledChances(mod: number): readonly Chance[] {
  const all = 2n ** 32n;
  const first = (index: number): bigint => (BigInt(index) * all + BigInt(mod) - 1n) / BigInt(mod);
  return Array.from({ length: mod }, (_, index) => ({
    exact: fraction(first(index + 1) - first(index), all),
    meant: fraction(1, mod),
  }));
}

function evenChances(mod: number): readonly Chance[] {
  return Array.from({ length: mod }, () => chance(fraction(1, mod)));
}

function hashed(of: PreparedRead, mod: number, offset: number, seed: number): (walk: Walk) => Value {
  return (walk) => {
    const value = of.read(walk);
    if (isAbsent(value)) return value;
    const atoms = isConcatenation(value) ? value : [value];
    const words = atoms.map((atom, at) => wordsOf(atom, of.sorts[at] ?? "other"));
    if (words.includes(undefined)) return UNKNOWN;
    return (
      offset +
      scaled(
        jhashWords(
          words.flatMap((some) => some!),
          seed,
        ),
        mod,
      )
    );
  };
}

/** A value as it lies in the kernel's registers, read by a host whose least octet comes first. */
function wordsOf(atom: Atom, sort: Sort): readonly number[] | undefined {
  if (typeof atom === "string") return undefined;
  if (typeof atom !== "number") return [atom.w0, atom.w1, atom.w2, atom.w3].map(swapped);
  if (sort === "address") return [swapped(atom)];
  if (sort === "port") return [((atom & 0xff) << 8) | (atom >>> 8)];
  return [atom];
}

function swapped(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
