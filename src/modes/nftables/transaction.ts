import type { Chain, Element, NamedObject, NamedSet, Rule, Table } from "./ruleset.ts";

/** One change of a table. */
export type Command =
  | { readonly kind: "add-table"; readonly comment?: string }
  /** With all that is in it. */
  | { readonly kind: "delete-table" }
  /** Without its rules. One that is there already stays as it is. */
  | { readonly kind: "add-chain"; readonly chain: Chain }
  /** Takes all rules out. */
  | { readonly kind: "flush-chain"; readonly name: string }
  /** With its rules; no verdict may lead there. */
  | { readonly kind: "delete-chain"; readonly name: string }
  /** Without its elements. Of one that is there already the time-out is changed. */
  | { readonly kind: "add-set"; readonly set: NamedSet }
  /** No rule may name it. */
  | { readonly kind: "delete-set"; readonly set: NamedSet }
  | { readonly kind: "add-element" | "delete-element"; readonly set: NamedSet; readonly element: Element }
  | { readonly kind: "add-object" | "delete-object"; readonly object: NamedObject }
  /** At the end of the chain. */
  | { readonly kind: "add-rule"; readonly chain: string; readonly rule: Rule };

/** Commands that take effect all at once, or, when one fails, not at all. */
export interface Transaction {
  readonly table: Pick<Table, "family" | "name">;
  readonly commands: readonly Command[];
}
