import type { TableName } from "../../modes/iptables/ruleset.ts";
import type { PreparedChain, PreparedTable } from "./iptables-chains.ts";
import type { Ways } from "./ways.ts";

type Name = keyof Ways<PreparedChain>;
type Hooks = readonly (readonly [TableName, string])[];

const hooks: Readonly<Record<Name, Hooks>> = {
  arriving: [
    ["raw", "PREROUTING"],
    ["mangle", "PREROUTING"],
    ["nat", "PREROUTING"],
  ],
  delivered: [
    ["mangle", "INPUT"],
    ["filter", "INPUT"],
    ["nat", "INPUT"],
  ],
  forwarded: [
    ["mangle", "FORWARD"],
    ["filter", "FORWARD"],
    ["mangle", "POSTROUTING"],
    ["nat", "POSTROUTING"],
  ],
  leaving: [
    ["raw", "OUTPUT"],
    ["mangle", "OUTPUT"],
    ["nat", "OUTPUT"],
    ["filter", "OUTPUT"],
    ["mangle", "POSTROUTING"],
    ["nat", "POSTROUTING"],
  ],
  looped: [
    ["raw", "PREROUTING"],
    ["mangle", "PREROUTING"],
    ["mangle", "INPUT"],
    ["filter", "INPUT"],
  ],
};

/** Finds the built-in chains of a family's tables; a kernel makes those that a ruleset does not name, empty. */
export function prepareWays(tables: ReadonlyMap<TableName, PreparedTable>): Ways<PreparedChain> {
  const wayOf = (way: Name): readonly PreparedChain[] =>
    hooks[way].flatMap(([table, name]) => {
      const chain = tables.get(table)?.get(name);
      return chain === undefined || (chain.rules.length === 0 && chain.policy === "ACCEPT") ? [] : [chain];
    });
  return {
    arriving: wayOf("arriving"),
    delivered: wayOf("delivered"),
    forwarded: wayOf("forwarded"),
    leaving: wayOf("leaving"),
    looped: wayOf("looped"),
  };
}
