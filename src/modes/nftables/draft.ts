import type { Element, Hook, NamedSet, Rule, Table, TableFamily } from "./ruleset.ts";
import { expressionText } from "./render-expression.ts";
import { syntaxOf } from "./syntax.ts";

/** A table while it is compiled; sets and chains in the order in which they were first named. */
export interface TableDraft {
  readonly family: TableFamily;
  readonly sets: Map<string, SetDraft>;
  readonly chains: Map<string, ChainDraft>;
  /** Of all sets, in the order in which they were added. */
  readonly elements: InSet[];
}

export type SetDraft = Omit<NamedSet, "elements">;

export interface InSet {
  readonly set: string;
  /** The text of its key. */
  readonly key: string;
  readonly element: Element;
}

export interface ChainDraft {
  readonly name: string;
  readonly base?: Hook;
  readonly comment?: string;
  readonly rules: Rule[];
}

/** No key depends on the family. */
const listed = syntaxOf("listed", "ip");

export function draftTable(family: TableFamily): TableDraft {
  return { family, sets: new Map(), chains: new Map(), elements: [] };
}

export function addSet({ sets }: TableDraft, about: SetDraft): void {
  sets.set(about.name, about);
}

/** Of two elements with one key the first stays: where two Services claim an address, kube-proxy leaves it to chance. */
export function addElement({ elements }: TableDraft, set: string, element: Element): void {
  elements.push({ set, key: expressionText(element.key, listed), element });
}

export function addChain({ chains }: TableDraft, name: string, about: Omit<ChainDraft, "name" | "rules"> = {}): void {
  if (!chains.has(name)) chains.set(name, { name, ...about, rules: [] });
}

/** Adds a rule at the end of a chain, which need not be there yet. */
export function append(table: TableDraft, chain: string, rule: Rule): void {
  addChain(table, chain);
  table.chains.get(chain)!.rules.push(rule);
}

/** @param parts drafts that come after it, with sets and chains of other names. */
export function finishTable(
  draft: TableDraft,
  parts: readonly DraftPart[],
  about: Pick<Table, "name" | "comment">,
): Table {
  const all: readonly DraftPart[] = [partOf(draft), ...parts];
  const elements = new Map<string, Map<string, Element>>();
  for (const part of all) for (const { name } of part.sets) elements.set(name, new Map());
  for (const part of all) {
    for (const { set, key, element } of part.elements) {
      const known = elements.get(set)!;
      if (!known.has(key)) known.set(key, element);
    }
  }
  const sets = all.flatMap((part) => part.sets);
  return {
    family: draft.family,
    ...about,
    sets: sets.map((set) => Object.assign({ elements: [...elements.get(set.name)!.values()] }, set)),
    chains: all.flatMap((part) => part.chains),
    objects: [],
  };
}

/** What a draft came to. */
export interface DraftPart {
  readonly sets: readonly SetDraft[];
  readonly chains: readonly ChainDraft[];
  readonly elements: readonly InSet[];
}

function partOf({ sets, chains, elements }: TableDraft): DraftPart {
  return { sets: [...sets.values()], chains: [...chains.values()], elements: elements.slice() };
}

/** @returns what a draft came to, and leaves it empty. */
export function takePart(draft: TableDraft): DraftPart {
  const part = partOf(draft);
  draft.sets.clear();
  draft.chains.clear();
  draft.elements.length = 0;
  return part;
}
