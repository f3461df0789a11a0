import type { Rule } from "./ruleset.ts";

/** Whether two lists of rules say the same, rule by rule. */
export function sameRules(a: readonly Rule[], b: readonly Rule[]): boolean {
  return a === b || same(a, b);
}

/** Equality of plain data. Rules are trees of a few fields, so this is quicker than writing them to compare the texts. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, index) => same(one, b[index]));
  }
  const fields = Object.keys(a);
  if (fields.length !== Object.keys(b).length) return false;
  return fields.every((field) => same((a as Fields)[field], (b as Fields)[field]));
}

type Fields = Readonly<Record<string, unknown>>;
