import type { NftablesRuleset } from "../modes/nftables/ruleset.ts";
import type { NodeParts } from "./assemble-node.ts";

const names: ReadonlySet<string> = new Set(["raw", "mangle", "nat", "filter", "security"]);

/**
 * iptables-nft keeps its rules in tables of nftables, so a host shows them twice. Where it told them as iptables-save
 * prints them, those tables of the other dump are left out: what nft prints of their extensions says less.
 */
export function withoutTablesOfIptables(parts: Partial<NodeParts>): Partial<NodeParts> {
  const { iptables = [], nftables } = parts;
  if (nftables === undefined || iptables.length === 0) return parts;
  const isTwice = ({ family, name }: NftablesRuleset["tables"][number]): boolean =>
    names.has(name) && iptables.some((ruleset) => family === (ruleset.family === 4 ? "ip" : "ip6"));
  return { ...parts, nftables: { tables: nftables.tables.filter((table) => !isTwice(table)) } };
}
