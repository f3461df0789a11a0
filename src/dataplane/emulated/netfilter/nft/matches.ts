import type { Expression, MatchOperator, Statement } from "../../../../modes/nftables/ruleset.ts";
import type { Walk } from "../walk.ts";
import { flagBits, prepareExpression, preparedSetOf, type TableSets } from "./expressions.ts";
import type { Sort } from "./names.ts";
import { atomOf, intervalOf, isIn, type PreparedSet } from "./sets.ts";
import { type Atom, compare, isAbsent, isConcatenation, isSame, MISSING, UNKNOWN, type Value } from "./value.ts";

type MatchStatement = Extract<Statement, { readonly kind: "match" }>;

/** Whether a match holds; undefined: nobody can tell. */
export type PreparedMatch = (walk: Walk) => boolean | undefined;

type Test = (value: Atom | readonly Atom[]) => boolean | undefined;

export function prepareMatch({ operator, left, right }: MatchStatement, sets: TableSets): PreparedMatch {
  const { read, sorts, isNumber } = prepareExpression(left, sets);
  if (right.kind === "flag") return existence(read, right.value === (operator !== "!="));
  const test = prepareTest(operator, right, sets, sorts);
  if (test === undefined) {
    const atom = operator === "==" || operator === "!=" ? atomOf(right, sorts[0] ?? "other") : undefined;
    if (typeof atom === "number" && operator === "==" && isNumber !== undefined) return isNumber(atom);
    if (atom !== undefined && typeof atom !== "object") return equality(read, atom, operator === "==");
    return comparison(read, operator, prepareExpression(right, sets, sorts[0]).read);
  }
  const set = right.kind === "set-reference" ? preparedSetOf(right, sets, sorts) : undefined;
  return (walk) => {
    const value = read(walk);
    if (value === MISSING) return false;
    if (isAbsent(value)) return undefined;
    const updated = set === undefined ? undefined : updatedIn(walk, set, value);
    return updated === undefined ? test(value) : updated === (operator !== "!=");
  };
}

/** What the packet's own rules made of a set that is asked about the same value; undefined: they left it alone. */
function updatedIn({ setUpdates }: Walk, set: PreparedSet, value: Atom | readonly Atom[]): boolean | undefined {
  const update = setUpdates.get(set);
  if (update === undefined || isAbsent(update.value as Value)) return undefined;
  return isSame(update.value as Atom | readonly Atom[], value) ? update.isIn : undefined;
}

function existence(read: (walk: Walk) => Value, wanted: boolean): PreparedMatch {
  return (walk) => {
    const value = read(walk);
    if (value === MISSING) return !wanted;
    return isAbsent(value) ? undefined : (value !== "") === wanted;
  };
}

/** @returns undefined where the right side depends on the packet, or is one plain value. */
function prepareTest(
  operator: MatchOperator,
  right: Expression,
  sets: TableSets,
  sorts: readonly Sort[],
): Test | undefined {
  const turn = (test: Test): Test =>
    operator === "!="
      ? (value) => {
          const answer = test(value);
          return answer === undefined ? undefined : !answer;
        }
      : test;
  const sort = sorts[0] ?? "other";
  switch (right.kind) {
    case "set":
    case "set-reference": {
      const set = preparedSetOf(right, sets, sorts);
      if (set === undefined) return () => undefined;
      return turn((value) => (set.find(value) !== undefined ? true : set.isPartial ? undefined : false));
    }
    case "range":
    case "cidr":
    case "prefix": {
      const interval = intervalOf(right, sort);
      if (interval === undefined) return () => undefined;
      return turn((value) => !isConcatenation(value) && isIn(value, interval));
    }
    case "list":
      return flags(operator, right.items, sort, turn);
    case "text":
      if (operator === "in") return flags(operator, [right], sort, turn);
      return wildcard(right, sort, turn);
    case "number":
      return operator === "in" ? flags(operator, [right], sort, turn) : undefined;
    case "unknown":
      return () => undefined;
    default:
      return undefined;
  }
}

function wildcard(right: Expression, sort: Sort, turn: (test: Test) => Test): Test | undefined {
  const interval = intervalOf(right, sort);
  if (interval === undefined) return () => undefined;
  return interval.prefix === undefined ? undefined : turn((value) => !isConcatenation(value) && isIn(value, interval));
}

/** `in`: one of the flags is set; otherwise all of them and no others. */
function flags(operator: MatchOperator, items: readonly Expression[], sort: Sort, turn: (test: Test) => Test): Test {
  const mask = flagBits(items, sort);
  if (mask === undefined) return () => undefined;
  // Without an operator of its own a list of states means any of them.
  const any = operator === "in" || (sort !== "tcp-flags" && operator !== "!=");
  return turn((value) => (typeof value === "number" ? (any ? (value & mask) !== 0 : value === mask) : undefined));
}

/** Most rules of most chains end here. */
function equality(read: (walk: Walk) => Value, atom: number | string, wanted: boolean): PreparedMatch {
  return (walk) => {
    const value = read(walk);
    if (value === atom) return wanted;
    if (value === MISSING) return false;
    return value === UNKNOWN ? undefined : !wanted;
  };
}

function comparison(left: (walk: Walk) => Value, operator: MatchOperator, right: (walk: Walk) => Value): PreparedMatch {
  return (walk) => {
    const a = left(walk);
    const b = right(walk);
    if (a === MISSING || b === MISSING) return false;
    if (isAbsent(a) || isAbsent(b)) return undefined;
    return holds(operator, a, b);
  };
}

function holds(operator: MatchOperator, a: Atom | readonly Atom[], b: Atom | readonly Atom[]): boolean | undefined {
  if (operator === "==" || operator === "!=") return isSame(a, b) === (operator === "==");
  if (isConcatenation(a) || isConcatenation(b)) return undefined;
  const order = compare(a, b);
  switch (operator) {
    case "<":
      return order < 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0;
    case ">=":
      return order >= 0;
    case "in":
      return typeof a === "number" && typeof b === "number" ? (a & b) !== 0 : undefined;
  }
}
