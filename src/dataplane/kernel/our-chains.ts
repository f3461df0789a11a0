import type { InChain } from "../../modes/iptables/changes.ts";
import { topLevelChains, topLevelJumps } from "../../modes/iptables/jumps.ts";
import { filterJumps, natJumps, ownChains } from "../../modes/ipvs/jumps.ts";
import type { Chain } from "../../modes/iptables/ruleset.ts";

/** Chains of modes iptables and ipvs, which name them alike, without those of single services. */
export const ourChains = {
  filter: [...topLevelChains.filter, ...ownChains.filter],
  nat: [...topLevelChains.nat, ...ownChains.nat],
} as const;

/** The jumps to them out of the kernel's own chains. */
export const ourJumps: { readonly [T in keyof typeof ourChains]: readonly InChain[] } = {
  filter: [...topLevelJumps.filter, ...jumpsIn(filterJumps)],
  nat: [...topLevelJumps.nat, ...jumpsIn(natJumps)],
};

function jumpsIn(chains: readonly Chain[]): readonly InChain[] {
  return chains.flatMap(({ name, rules }) => rules.map((rule) => ({ chain: name, rule })));
}
