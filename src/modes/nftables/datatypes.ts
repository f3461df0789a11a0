import type { Expression } from "./ruleset.ts";

/** Where the datatype of a key decides how its values are read and written; all others are `other`. */
export type Datatype = "interface" | "mark" | "other";

const interfaceKeys = new Set(["iif", "oif", "iifname", "oifname", "sdif", "sdifname", "ibrname", "obrname"]);
const byName: Readonly<Record<string, Datatype>> = { ifname: "interface", iface_index: "interface", mark: "mark" };
const ofMark: readonly Datatype[] = ["mark"];
const ofInterface: readonly Datatype[] = ["interface"];
const others: readonly Datatype[] = [];

/** The datatypes of what a value is compared with, part by part; where the list is too short, `other`. */
export function datatypesOf(expression: Expression): readonly Datatype[] {
  switch (expression.kind) {
    case "meta":
      if (expression.key === "mark") return ofMark;
      return interfaceKeys.has(expression.key) ? ofInterface : others;
    case "ct":
      return expression.key === "mark" ? ofMark : others;
    case "fib":
      return expression.result === "type" ? others : ofInterface;
    case "binary":
      return datatypesOf(expression.operands[0]);
    case "concat":
      return expression.parts.map((part) => datatypesOf(part)[0] ?? "other");
    default:
      return others;
  }
}

/** @param names of datatypes, as a set has them. */
export function datatypesNamed(names: readonly string[]): readonly Datatype[] {
  return names.some((name) => name in byName) ? names.map((name) => byName[name] ?? "other") : others;
}
