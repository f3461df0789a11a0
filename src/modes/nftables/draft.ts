import type { Element, Expression, Hook, NamedSet, Rule, Table, TableFamily } from "./ruleset.ts";
import { expressionText } from "./render-expression.ts";
import { syntaxOf } from "./syntax.ts";

/** A table while it is compiled; sets and chains in the order in which they were first named. */
export interface TableDraft {
  readonly family: TableFamily;
  readonly sets: Map<string, SetDraft>;
  readonly chains: Map<string, ChainDraft>;
}

interface SetDraft {
  readonly about: Omit<NamedSet, "elements">;
  /** By the text of the key. */
  readonly elements: Map<string, Element>;
}

interface ChainDraft {
  readonly base?: Hook;
  readonly comment?: string;
  readonly rules: Rule[];
}

/** No key depends on the family. */
const listed = syntaxOf("listed", "ip");

export function draftTable(family: TableFamily): TableDraft {
  return { family, sets: new Map(), chains: new Map() };
}

export function addSet({ sets }: TableDraft, about: Omit<NamedSet, "elements">): void {
  sets.set(about.name, { about, elements: new Map() });
}

/** Of two elements with one key the first stays: where two Services claim an address, kube-proxy leaves it to chance. */
export function addElement({ sets }: TableDraft, set: string, element: Element): void {
  const { elements } = sets.get(set)!;
  const key = keyText(element.key);
  if (!elements.has(key)) elements.set(key, element);
}

export function addChain({ chains }: TableDraft, name: string, about: Omit<ChainDraft, "rules"> = {}): void {
  if (!chains.has(name)) chains.set(name, { ...about, rules: [] });
}

/** Adds a rule at the end of a chain, which need not be there yet. */
export function append(table: TableDraft, chain: string, rule: Rule): void {
  addChain(table, chain);
  table.chains.get(chain)!.rules.push(rule);
}

export function finishTable({ family, sets, chains }: TableDraft, name: string, comment: string): Table {
  return {
    family,
    name,
    comment,
    sets: Array.from(sets.values(), ({ about, elements }) => ({ ...about, elements: [...elements.values()] })),
    chains: Array.from(chains, ([chain, about]) => ({ name: chain, ...about })),
    objects: [],
  };
}

function keyText(key: Expression): string {
  return expressionText(key, listed);
}
