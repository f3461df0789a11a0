import type { InChain, TableChanges } from "../../modes/iptables/changes.ts";
import { renderRule } from "../../modes/iptables/render.ts";
import type { Chain, IptablesRuleset, Rule, Table, TableName } from "../../modes/iptables/ruleset.ts";
import { lastChains } from "../../modes/userspace/portals.ts";

/**
 * What brings portal rules into a kernel, whatever of them is there: chains that are not as they are to be, and jumps
 * that are missing. Rules of others stay, in their order.
 *
 * @param saved what the kernel holds.
 */
export function planPortals(wanted: IptablesRuleset, saved: IptablesRuleset): readonly TableChanges[] {
  const changes = wanted.tables.map((table): TableChanges => {
    const held = heldIn(saved, table.name);
    const differs = ({ name, rules }: Chain): boolean => {
      const known = held.find((chain) => chain.name === name);
      return known === undefined || textOf(known.rules) !== textOf(rules);
    };
    const missing = jumpsOf(table).filter((jump) => !isAmong(jump, rulesOf(held)));
    return {
      name: table.name,
      replace: table.chains.filter(isOwn).filter(differs),
      remove: [],
      prepend: missing.filter(({ rule }) => !lastChains.has(targetOf(rule) ?? "")),
      append: missing.filter(({ rule }) => lastChains.has(targetOf(rule) ?? "")),
      empty: [],
      drop: [],
    };
  });
  return changes.filter(makeDifference);
}

/**
 * What takes portal rules out of a kernel. A chain of ours to which a rule of somebody else leads is emptied and stays.
 *
 * @param empty the rules of a table without forwards: its chains and the jumps to them.
 */
export function planPortalsRemoval(empty: IptablesRuleset, saved: IptablesRuleset): readonly TableChanges[] {
  const changes = empty.tables.map((table): TableChanges => {
    const held = heldIn(saved, table.name);
    const own = table.chains.filter(isOwn).map(({ name }) => name);
    const ours = own.filter((name) => held.some((chain) => chain.name === name));
    const all = rulesOf(held);
    const remove = jumpsOf(table).flatMap((jump) => all.filter((one) => isAmong(jump, [one])));
    const led = new Set(all.filter((one) => !remove.includes(one)).map(({ rule }) => targetOf(rule)));
    const empty = ours.filter((name) => led.has(name));
    return { name: table.name, replace: [], remove, prepend: [], empty, drop: ours.filter((name) => !led.has(name)) };
  });
  return changes.filter(makeDifference);
}

function heldIn({ tables }: IptablesRuleset, name: TableName): readonly Chain[] {
  return tables.find((table) => table.name === name)?.chains ?? [];
}

function isOwn({ policy }: Chain): boolean {
  return policy === undefined;
}

function jumpsOf({ chains }: Table): readonly InChain[] {
  return rulesOf(chains.filter((chain) => !isOwn(chain)));
}

function rulesOf(chains: readonly Chain[]): readonly InChain[] {
  return chains.flatMap(({ name, rules }) => rules.map((rule) => ({ chain: name, rule })));
}

function isAmong({ chain, rule }: InChain, all: readonly InChain[]): boolean {
  const text = textOf([rule]);
  return all.some((one) => one.chain === chain && textOf([one.rule]) === text);
}

function textOf(rules: readonly Rule[]): string {
  return rules.map((rule) => renderRule(rule, 4, "save")).join("\n");
}

function targetOf({ target }: Rule): string | undefined {
  return target?.kind === "jump" || target?.kind === "goto" ? target.chain : undefined;
}

function makeDifference({ replace, remove, prepend, append = [], empty, drop }: TableChanges): boolean {
  return [replace, remove, prepend, append, empty, drop].some((some) => some.length > 0);
}
