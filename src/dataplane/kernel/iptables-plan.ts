import { type InChain, isServiceChain, SHARED_CHAIN, type TableChanges } from "../../modes/iptables/changes.ts";
import { renderRule } from "../../modes/iptables/render.ts";
import type { Chain, IptablesRuleset, Rule, Table, TableName } from "../../modes/iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import { ourChains, ourJumps } from "./our-chains.ts";
import type { SavedTable } from "./saved-tables.ts";

/** An empty chain by which one sees that somebody flushed a table: it is gone then. */
export const CANARY = "KUBE-PROXY-CANARY";
/** The tables that have one. In mangle there is nothing else of ours. */
const withCanary: readonly TableName[] = ["filter", "nat", "mangle"];

type Saved = ReadonlyMap<TableName, SavedTable>;

/** Changes, and what of ours could not be taken away, since rules of others lead there: `nat/KUBE-SVC-…`. */
export interface IptablesPlan {
  readonly changes: readonly TableChanges[];
  readonly held: readonly string[];
}

const canary: Chain = { name: CANARY, rules: [] };
const unknown: SavedTable = { chains: new Set(), jumps: [] };

/**
 * What brings a ruleset into a kernel, whatever is there: every chain of it, the jumps that are missing, and away with
 * chains of services that are no more. What others have stays, in its order.
 */
export function planWhole({ family, tables }: IptablesRuleset, saved: Saved): IptablesPlan {
  const held: string[] = [];
  const changes = tables.map((table) => wholeTable(table, saved.get(table.name) ?? unknown, family, held));
  const canaries = withCanary.filter((name) => tables.every((table) => table.name !== name));
  const alone = canaries.map((name) => changesTo(name, { replace: [canary] }));
  return { changes: [...changes, ...alone], held };
}

function wholeTable({ name, chains }: Table, saved: SavedTable, family: Family, held: string[]): TableChanges {
  const own = chains.filter(({ policy }) => policy === undefined);
  const wanted = new Set(own.map((chain) => chain.name));
  const stale = [...saved.chains].filter((chain) => isServiceChain(chain) && !wanted.has(chain));
  const led = ledTo(saved.jumps);
  held.push(...stale.filter((chain) => led.has(chain)).map((chain) => `${name}/${chain}`));
  return changesTo(name, {
    // kubelet's own rules may be in the chain that we share, while we have none there.
    replace: [
      ...own.filter((chain) => chain.name !== SHARED_CHAIN || chain.rules.length > 0 || !saved.chains.has(chain.name)),
      canary,
    ],
    prepend: chains
      .filter(({ policy }) => policy !== undefined)
      .flatMap((chain) => chain.rules.map((rule) => ({ chain: chain.name, rule })))
      .filter((jump) => !isAmong(jump, saved.jumps, family)),
    empty: stale.filter((chain) => led.has(chain)),
    drop: stale.filter((chain) => !led.has(chain)),
  });
}

/**
 * Of changes by `planWhole` what kube-proxy makes one by one ahead of all rules, and so has when those are refused: the
 * jumps that are missing, the chains that they lead to, still empty, and the canaries. A chain that is there stays as it
 * is.
 */
export function groundworkOf(changes: readonly TableChanges[], saved: Saved): readonly TableChanges[] {
  return changes.map(({ name, replace, prepend }) => {
    const known = saved.get(name)?.chains ?? unknown.chains;
    const needed = new Set([CANARY, ...prepend.map(({ rule }) => targetOf(rule))]);
    const missing = replace.filter((chain) => needed.has(chain.name) && !known.has(chain.name));
    return changesTo(name, { replace: missing.map((chain) => ({ name: chain.name, rules: [] })), prepend });
  });
}

/**
 * What takes kube-proxy's rules of this mode and of ipvs out of a kernel, as `kube-proxy --cleanup` does: the jumps, its chains,
 * those of services, the canaries. KUBE-FIREWALL, which is kubelet's too, stays with its rules and jumps.
 *
 * @param all KUBE-FIREWALL goes, too.
 */
export function planCleanup(saved: Saved, family: Family, all: boolean): IptablesPlan {
  const held: string[] = [];
  const changes = Array.from(saved, ([name, table]) => cleanTable(name, table, family, all, held));
  return { changes: changes.filter(({ remove, empty, drop }) => [...remove, ...empty, ...drop].length > 0), held };
}

function cleanTable(name: TableName, saved: SavedTable, family: Family, all: boolean, held: string[]): TableChanges {
  const gone = goneFrom(name, all);
  const chains = [...saved.chains].filter((chain) => gone.has(chain) || (name === "nat" && isServiceChain(chain)));
  const jumps = name === "nat" || name === "filter" ? ourJumps[name] : [];
  const isOurs = (one: InChain): boolean => gone.has(targetOf(one.rule) ?? "") && isAmong(one, jumps, family);
  const led = ledTo(saved.jumps.filter((one) => !isOurs(one)));
  held.push(...chains.filter((chain) => led.has(chain)).map((chain) => `${name}/${chain}`));
  return changesTo(name, {
    remove: saved.jumps.filter(isOurs),
    empty: chains.filter((chain) => led.has(chain)),
    drop: chains.filter((chain) => !led.has(chain)),
  });
}

function goneFrom(name: TableName, all: boolean): ReadonlySet<string> {
  if (!withCanary.includes(name)) return new Set();
  const own: readonly string[] = name === "nat" || name === "filter" ? ourChains[name] : [];
  return new Set([...own.filter((chain) => all || chain !== SHARED_CHAIN), CANARY]);
}

function changesTo(name: TableName, given: Partial<TableChanges>): TableChanges {
  return { name, replace: [], remove: [], prepend: [], empty: [], drop: [], ...given };
}

/** By what the kernel keeps of a rule: two spellings of one are one. */
function isAmong({ chain, rule }: InChain, all: readonly InChain[], family: Family): boolean {
  const text = renderRule(rule, family, "save");
  return all.some((one) => one.chain === chain && renderRule(one.rule, family, "save") === text);
}

function ledTo(jumps: readonly InChain[]): ReadonlySet<string> {
  return new Set(jumps.map(({ rule }) => targetOf(rule)).filter((target) => target !== undefined));
}

function targetOf({ target }: Rule): string | undefined {
  return target?.kind === "jump" || target?.kind === "goto" ? target.chain : undefined;
}
