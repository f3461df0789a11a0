import type { Expression, MatchOperator, Statement } from "../../../../modes/nftables/ruleset.ts";
import type { Walk } from "../walk.ts";
import { prepareExpression, preparedSetOf, type TableSets } from "./expressions.ts";
import { numberNamed, type Sort } from "./names.ts";
import { atomOf, intervalOf, isIn } from "./sets.ts";
import { type Atom, compare, isAbsent, isConcatenation, keyOf, MISSING, type Value } from "./value.ts";

type MatchStatement = Extract<Statement, { readonly kind: "match" }>;

/** Whether a match holds; undefined: nobody can tell. */
export type PreparedMatch = (walk: Walk) => boolean | undefined;

type Test = (value: Atom | readonly Atom[]) => boolean | undefined;

export function prepareMatch({ operator, left, right }: MatchStatement, sets: TableSets): PreparedMatch {
  const { read, sorts } = prepareExpression(left, sets);
  if (right.kind === "flag") return existence(read, right.value === (operator !== "!="));
  const test = prepareTest(operator, right, sets, sorts);
  if (test === undefined) return comparison(read, operator, prepareExpression(right, sets, sorts[0]).read);
  return (walk) => {
    const value = read(walk);
    if (value === MISSING) return false;
    return isAbsent(value) ? undefined : test(value);
  };
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
  const bits = items.map((item) => (item.kind === "text" ? numberNamed(item.text, sort) : atomOf(item, sort)));
  if (bits.some((bit) => typeof bit !== "number")) return () => undefined;
  const mask = (bits as number[]).reduce((all, bit) => all | bit, 0);
  // Without an operator of its own a list of states means any of them.
  const any = operator === "in" || (sort !== "tcp-flags" && operator !== "!=");
  return turn((value) => (typeof value === "number" ? (any ? (value & mask) !== 0 : value === mask) : undefined));
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
  if (operator === "==" || operator === "!=") return (keyOf(a) === keyOf(b)) === (operator === "==");
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
