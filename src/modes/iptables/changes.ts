import type { Chain, IptablesRuleset, Rule, Table, TableName } from "./ruleset.ts";
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
 * What leads from one ruleset to another: chains of services that are new, different or gone, and with any such change
 * all other chains in full, as kube-proxy has them; they are few, though not short. Built-in chains are not looked at:
 * the jumps in them are the same in every ruleset.
 *
 * Time O(rules), a few million rules a second.
 *
 * @returns nothing when the two say the same.
 */
export function changesBetween(from: IptablesRuleset, to: IptablesRuleset): readonly TableChanges[] {
  const before = new Map(from.tables.map((table) => [table.name, new Map(table.chains.map((one) => [one.name, one]))]));
  const compared = to.tables.map((table) => compareChains(before.get(table.name) ?? new Map(), table));
  return compared.some(({ differs }) => differs) ? compared.map(({ changes }) => changes) : [];
}

function compareChains(
  before: ReadonlyMap<string, Chain>,
  { name, chains }: Table,
): { readonly differs: boolean; readonly changes: TableChanges } {
  const replace: Chain[] = [];
  const kept = new Set<string>();
  let differs = false;
  for (const chain of chains) {
    if (chain.policy !== undefined) continue;
    kept.add(chain.name);
    const old = before.get(chain.name);
    const same = old !== undefined && sameRules(old.rules, chain.rules);
    if (!same) differs = true;
    if (same && isServiceChain(chain.name)) continue;
    // Where nothing was ours, nothing is.
    if (chain.name !== SHARED_CHAIN || chain.rules.length > 0 || (old?.rules.length ?? 0) > 0) replace.push(chain);
  }
  const drop = [...before.keys()].filter((old) => isServiceChain(old) && !kept.has(old));
  return {
    differs: differs || drop.length > 0,
    changes: { name, replace, remove: [], prepend: [], empty: [], drop },
  };
}
