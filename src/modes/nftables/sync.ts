import { unshared } from "../unshared.ts";
import { changes } from "./changes.ts";
import { isServiceChain } from "./names.ts";
import type { Chain, Table } from "./ruleset.ts";
import type { Command, Transaction } from "./transaction.ts";

/** How long a chain has had no rules before it may be deleted, in milliseconds. Source: kube-proxy, `syncProxyRules`. */
const STALE_MS = 1000;

/** What the kernel has of a table, and since when chains wait there to be deleted. */
export interface SyncState {
  readonly table: Table;
  /** When each unwanted chain was emptied, by name, in milliseconds of the caller's clock. */
  readonly emptiedAtMs: ReadonlyMap<string, number>;
}

/** What one sync does. */
export interface SyncPlan {
  /**
   * Deletes chains that were emptied long enough ago; undefined: there are none. It comes before `main`, and may fail
   * for itself: then go on from what the kernel has.
   */
  readonly cleanup: Transaction | undefined;
  /** Without commands where there is nothing to do. */
  readonly main: Transaction;
  /** Once both have been done. */
  readonly state: SyncState;
}

/**
 * Plans how to get a table from what the kernel has to what is wanted, as kube-proxy does it: chains that nothing
 * leads to any more are emptied now, and deleted in a sync that comes more than a second later.
 *
 * @param state undefined: the kernel has no such table. Of one that was read from the kernel no chain has been emptied.
 */
export function planSync(state: SyncState | undefined, wanted: Table, nowMs: number): SyncPlan {
  const settled = settle(state, nowMs);
  const main = changes(settled?.table, wanted);
  const differing = unshared(settled?.table.chains ?? [], wanted.chains);
  const names = new Set(differing.after.map(({ name }) => name));
  const stale = differing.before.filter(({ name }) => isServiceChain(name) && !names.has(name));
  const emptied = stale.map(({ name, ...about }): Chain => ({ ...about, name, rules: [] }));
  return {
    cleanup: settled?.cleanup,
    main,
    state: {
      table: { ...wanted, chains: [...wanted.chains, ...emptied] },
      emptiedAtMs: new Map(stale.map(({ name }) => [name, settled?.emptiedAtMs.get(name) ?? nowMs])),
    },
  };
}

/** The state without the chains that may go now. */
function settle(
  state: SyncState | undefined,
  nowMs: number,
): (SyncState & { readonly cleanup: Transaction | undefined }) | undefined {
  if (state === undefined) return undefined;
  const ripe = new Set([...state.emptiedAtMs].filter(([, at]) => nowMs - at > STALE_MS).map(([name]) => name));
  if (ripe.size === 0) return { ...state, cleanup: undefined };
  const commands = Array.from(ripe, (name): Command => ({ kind: "delete-chain", name }));
  return {
    table: { ...state.table, chains: state.table.chains.filter(({ name }) => !ripe.has(name)) },
    emptiedAtMs: new Map([...state.emptiedAtMs].filter(([name]) => !ripe.has(name))),
    cleanup: { table: state.table, commands },
  };
}
