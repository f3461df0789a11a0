import type { NftablesRuleset } from "../modes/nftables/ruleset.ts";
import type { Ip } from "../net/ip.ts";

/** Addresses that a dump itself tells to be the node's: those that answer node ports of kube-proxy's nftables mode. */
export function addressesInSets({ tables }: NftablesRuleset): readonly Ip[] {
  const sets = tables.flatMap(({ sets }) => sets.filter(({ name }) => name === "nodeport-ips"));
  return sets.flatMap(({ elements }) => elements.flatMap(({ key }) => (key.kind === "ip" ? [key.ip] : [])));
}
