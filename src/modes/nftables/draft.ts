import type { Element, Hook, NamedSet, Rule, Table, TableFamily } from "./ruleset.ts";
import type { ElementJoiner } from "./join-elements.ts";
import { expressionText } from "./render-expression.ts";
import { syntaxOf } from "./syntax.ts";

/** A table while it is compiled; sets and chains in the order in which they were first named. */
export interface TableDraft {
  readonly family: TableFamily;
  readonly sets: Map<string, SetDraft>;
  readonly chains: Map<string, ChainDraft>;
  /** Of all sets, by set and key. */
  readonly elements: Map<string, InSet>;
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
  return { family, sets: new Map(), chains: new Map(), elements: new Map() };
}

export function addSet({ sets }: TableDraft, about: SetDraft): void {
  sets.set(about.name, about);
}

/** Of two elements with one key, as of an external IP that is the cluster IP too, the last one stays. */
export function addElement({ elements }: TableDraft, set: string, element: Element): void {
  const key = expressionText(element.key, listed);
  elements.set(`${set} ${key}`, { set, key, element });
}

export function addChain({ chains }: TableDraft, name: string, about: Omit<ChainDraft, "name" | "rules"> = {}): void {
  if (!chains.has(name)) chains.set(name, { name, ...about, rules: [] });
}

/** Adds a rule at the end of a chain, which need not be there yet. */
export function append(table: TableDraft, chain: string, rule: Rule): void {
  addChain(table, chain);
  table.chains.get(chain)!.rules.push(rule);
}

/** @param parts drafts that come after it, with sets and chains of other names. @param join their elements. */
export function finishTable(
  draft: TableDraft,
  parts: readonly DraftPart[],
  about: Pick<Table, "name" | "comment">,
  join: ElementJoiner,
): Table {
  const all: readonly DraftPart[] = [partOf(draft), ...parts];
  const elements = join(all);
  const sets = all.flatMap((part) => part.sets);
  return {
    family: draft.family,
    ...about,
    sets: sets.map((set) => Object.assign({ elements: elements.get(set.name) ?? [] }, set)),
    chains: all.flatMap((part) => part.chains),
    objects: [],
  };
}

/** What a draft came to, or several did. */
export interface DraftPart {
  readonly sets: readonly SetDraft[];
  readonly chains: readonly ChainDraft[];
  /** By set. */
  readonly elements: ReadonlyMap<string, KeyedElements>;
}

/** Two lists side by side. */
export interface KeyedElements {
  readonly keys: readonly string[];
  readonly elements: readonly Element[];
}

export function joinParts(parts: readonly DraftPart[]): DraftPart {
  return {
    sets: parts.flatMap(({ sets }) => sets),
    chains: parts.flatMap(({ chains }) => chains),
    elements: gathered(parts.flatMap(({ elements }) => [...elements])),
  };
}

function partOf({ sets, chains, elements }: TableDraft): DraftPart {
  const each = Array.from(elements.values(), ({ set, key, element }): readonly [string, KeyedElements] => {
    return [set, { keys: [key], elements: [element] }];
  });
  return { sets: [...sets.values()], chains: [...chains.values()], elements: gathered(each) };
}

function gathered(all: readonly (readonly [set: string, KeyedElements])[]): DraftPart["elements"] {
  const bySet = new Map<string, { keys: string[]; elements: Element[] }>();
  for (const [set, { keys, elements }] of all) {
    let into = bySet.get(set);
    if (into === undefined) bySet.set(set, (into = { keys: [], elements: [] }));
    for (const key of keys) into.keys.push(key);
    for (const element of elements) into.elements.push(element);
  }
  return bySet;
}

/** @returns what a draft came to, and leaves it empty. */
export function takePart(draft: TableDraft): DraftPart {
  const part = partOf(draft);
  draft.sets.clear();
  draft.chains.clear();
  draft.elements.clear();
  return part;
}
