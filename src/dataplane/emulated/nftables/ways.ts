import type { PreparedChain } from "./chains.ts";

/** The base chains on a packet's way, in order; what has no rule and lets all through is left out. */
export type Way = readonly PreparedChain[];

/** The ways of one family, as those of iptables. */
export interface Ways {
  readonly arriving: Way;
  readonly delivered: Way;
  readonly forwarded: Way;
  readonly leaving: Way;
  /** Addresses were settled on the way out: chains of NAT are not asked again. */
  readonly looped: Way;
}

/** Puts base chains into their ways: hook after hook, in a hook by priority, and else as they were made. */
export function waysThrough(chains: readonly PreparedChain[]): Ways {
  const byPriority = chains
    .filter(({ base, rules }) => base !== undefined && (rules.length > 0 || base.policy === "drop"))
    .toSorted((a, b) => a.base!.priority - b.base!.priority);
  const way = (...hooks: readonly string[]): Way =>
    hooks.flatMap((hook) => byPriority.filter(({ base }) => base!.hook === hook));
  return {
    arriving: way("prerouting"),
    delivered: way("input"),
    forwarded: way("forward", "postrouting"),
    leaving: way("output", "postrouting"),
    looped: way("prerouting", "input").filter(({ base }) => base!.type !== "nat"),
  };
}
