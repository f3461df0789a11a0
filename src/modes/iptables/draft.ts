import type { Chain, Match, Rule, Table, TableName, Target } from "./ruleset.ts";

/** A table while it is compiled: its chains in the order in which they were first named. */
export interface TableDraft {
  readonly name: TableName;
  readonly chains: Map<string, Rule[]>;
}

export function draftTable(name: TableName): TableDraft {
  return { name, chains: new Map() };
}

/** Names a chain, so that the table has it even without rules. @returns its rules, to be added to. */
export function chain({ chains }: TableDraft, name: string): Rule[] {
  let rules = chains.get(name);
  if (rules === undefined) {
    rules = [];
    chains.set(name, rules);
  }
  return rules;
}

/** Adds a rule at the end of a chain. @param target none: the rule only counts. */
export function append(table: TableDraft, name: string, matches: readonly Match[], target?: Target): void {
  chain(table, name).push(target === undefined ? { matches } : { matches, target });
}

/**
 * @param builtIn chains of the kernel's own, which have a policy; kube-proxy leaves it at ACCEPT.
 * @param others chains that are finished already.
 */
export function finishTable({ name, chains }: TableDraft, builtIn: readonly string[], others: readonly Chain[]): Table {
  const own = builtIn.map((chain) => ({ name: chain, policy: "ACCEPT" as const, rules: chains.get(chain) ?? [] }));
  for (const chain of builtIn) chains.delete(chain);
  const drafted = Array.from(chains, ([chain, rules]) => ({ name: chain, rules }));
  return { name, chains: [...own, ...drafted, ...others] };
}
