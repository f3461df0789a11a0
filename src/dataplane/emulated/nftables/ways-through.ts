import type { Ways } from "../ways.ts";
import type { PreparedChain } from "./chains.ts";

/** Puts base chains into their ways: hook after hook, in a hook by priority, and else as they were made. */
export function waysThrough(chains: readonly PreparedChain[]): Ways<PreparedChain> {
  const byPriority = chains
    .filter(({ base, rules }) => base !== undefined && (rules.length > 0 || base.policy === "drop"))
    .toSorted((a, b) => a.base!.priority - b.base!.priority);
  const way = (...hooks: readonly string[]): readonly PreparedChain[] =>
    hooks.flatMap((hook) => byPriority.filter(({ base }) => base!.hook === hook));
  return {
    arriving: way("prerouting"),
    delivered: way("input"),
    forwarded: way("forward", "postrouting"),
    leaving: way("output", "postrouting"),
    // Chains of NAT are asked once a connection.
    looped: way("prerouting", "input").filter(({ base }) => base!.type !== "nat"),
  };
}
