import type { Chain, IptablesRuleset, Rule, Table, TableName } from "./ruleset.ts";
import { unshared } from "../unshared.ts";
import { sameRules } from "./same-rules.ts";

/** What is to be done to one table, all at once. */
export interface TableChanges {
  readonly name: TableName;
  /** Chains that are made or emptied, and filled with these rules. */
  readonly replace: readonly Chain[];
  /** Rules taken out of the kernel's own chains. */
  readonly remove: readonly InChain[];
  /** Rules put in front of those that a chain of the kernel's own has; the first of a chain comes first there. */
  readonly prepend: readonly InChain[];
  /** Rules put behind those that a chain of the kernel's own has. Absent: none. */
  readonly append?: readonly InChain[];
  /** Chains that are emptied. */
  readonly empty: readonly string[];
  /** Chains that are emptied and taken away; nothing may lead to them. */
  readonly drop: readonly string[];
}

export interface InChain {
  readonly chain: string;
  readonly rule: Rule;
}

/** Of one service port or endpoint: what has them is rewritten only where it changes. */
const ofService = /^KUBE-(?:SVC|SVL|EXT|FW|SEP)-/;
/** kubelet may have rules here too: it is never emptied without need. */
export const SHARED_CHAIN = "KUBE-FIREWALL";

export function isServiceChain(name: string): boolean {
  return ofService.test(name);
}

/**
 * What leads from one ruleset to another: chains that are new or different, and chains of services that are gone.
 * Built-in chains are not looked at: the jumps in them are the same in every ruleset.
 *
 * Chains that are the very same (`===`) are passed over, so rulesets of one compiler cost a walk over the chains and
 * what changed; others O(rules), a few million rules a second.
 *
 * @returns nothing when the two say the same; of each table at most one item.
 */
export function changesBetween(from: IptablesRuleset, to: IptablesRuleset): readonly TableChanges[] {
  const before = new Map(from.tables.map((table) => [table.name, table.chains]));
  return to.tables
    .map((table) => compareChains(before.get(table.name) ?? [], table))
    .filter(({ replace, drop }) => replace.length > 0 || drop.length > 0);
}

function compareChains(before: readonly Chain[], { name, chains }: Table): TableChanges {
  const differing = unshared(before, chains);
  const known = new Map(differing.before.map((chain) => [chain.name, chain]));
  const replace: Chain[] = [];
  for (const chain of differing.after) {
    const old = known.get(chain.name);
    known.delete(chain.name);
    if (chain.policy === undefined && !(old !== undefined && sameRules(old.rules, chain.rules))) replace.push(chain);
  }
  const drop = [...known.keys()].filter(isServiceChain);
  return { name, replace, remove: [], prepend: [], empty: [], drop };
}
