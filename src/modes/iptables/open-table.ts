import { builtInChains } from "./built-in-chains.ts";
import type { Chain, Counters, Rule, Table, TableName, Target } from "./ruleset.ts";

/** A table while its text is read. */
export interface OpenTable {
  readonly name: TableName;
  /** Whether rules may be added to the chain: it was declared, or is the kernel's own. */
  has(chain: string): boolean;
  /** The jump to a chain that was declared. */
  jumpTo(chain: string): Target | undefined;
  declare(chain: string, policy: Chain["policy"], counters: Counters | undefined): void;
  /** Takes away a chain that is not the kernel's own. @returns false when it has rules, or is not there. */
  remove(chain: string): boolean;
  append(chain: string, rule: Rule): void;
  /** @param place counted from 1. @returns false when the chain has no such place. */
  insert(chain: string, place: number, rule: Rule): boolean;
  close(): Table;
}

interface OpenChain {
  readonly jump: Target;
  policy: Chain["policy"];
  counters: Counters | undefined;
  /** Rules put in front one after the other; the last one comes first. */
  readonly front: Rule[];
  rules: Rule[];
}

export function openTable(name: TableName): OpenTable {
  const chains = new Map<string, OpenChain>();
  const own = new Set(builtInChains[name]);

  // Rules of one chain stand together: comparing two names is quicker than looking one up.
  let [lastName, last]: [string, OpenChain | undefined] = ["", undefined];
  const known = (chain: string): OpenChain | undefined => {
    if (last !== undefined && chain === lastName) return last;
    const open = chains.get(chain);
    if (open !== undefined) [lastName, last] = [chain, open];
    return open;
  };
  const chainOf = (chain: string): OpenChain => {
    let open = known(chain);
    if (open === undefined) {
      open = {
        jump: { kind: "jump", chain },
        policy: own.has(chain) ? "ACCEPT" : undefined,
        counters: undefined,
        front: [],
        rules: [],
      };
      chains.set(chain, open);
    }
    return open;
  };

  return {
    name,
    has: (chain) => known(chain) !== undefined || own.has(chain),
    jumpTo: (chain) => chains.get(chain)?.jump,
    declare(chain, policy, counters) {
      const open = chainOf(chain);
      open.policy = policy;
      open.counters = counters;
    },
    remove(chain) {
      const open = chains.get(chain);
      if (open === undefined || own.has(chain) || rulesOf(open).length > 0) return false;
      [lastName, last] = ["", undefined];
      return chains.delete(chain);
    },
    append: (chain, rule) => chainOf(chain).rules.push(rule),
    insert(chain, place, rule) {
      const open = chainOf(chain);
      if (place < 1 || place > open.front.length + open.rules.length + 1) return false;
      if (place === 1) open.front.push(rule);
      else {
        open.rules = rulesOf(open);
        open.front.length = 0;
        open.rules.splice(place - 1, 0, rule);
      }
      return true;
    },
    close: () => ({ name, chains: Array.from(chains, ([chain, open]) => closed(chain, open)) }),
  };
}

function rulesOf({ front, rules }: OpenChain): Rule[] {
  return front.length === 0 ? rules : [...front.toReversed(), ...rules];
}

function closed(name: string, open: OpenChain): Chain {
  const chain: { name: string; policy?: "ACCEPT" | "DROP"; counters?: Counters; rules: readonly Rule[] } = {
    name,
    rules: rulesOf(open),
  };
  if (open.policy !== undefined) chain.policy = open.policy;
  if (open.counters !== undefined) chain.counters = open.counters;
  return chain;
}
