import type { TableName } from "../../modes/iptables/ruleset.ts";
import type { PreparedChain, PreparedTable } from "./iptables-chains.ts";

/** The built-in chains on a packet's way, in order; what could not do anything to it is left out. */
export type Way = readonly PreparedChain[];

/** The ways of one family. */
export interface Ways {
  /** A packet comes in, before anybody knows where it goes. */
  readonly arriving: Way;
  /** What came in is for the node itself. */
  readonly delivered: Way;
  /** What came in goes on. */
  readonly forwarded: Way;
  /** The node sends a packet. */
  readonly leaving: Way;
  /** What the node sends to itself comes in again by its loopback; its addresses were settled on the way out. */
  readonly looped: Way;
}

type Hooks = readonly (readonly [TableName, string])[];

const hooks: Readonly<Record<keyof Ways, Hooks>> = {
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
export function prepareWays(tables: ReadonlyMap<TableName, PreparedTable>): Ways {
  const wayOf = (way: keyof Ways): Way =>
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
