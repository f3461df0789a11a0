import type { NftablesRuleset } from "../modes/nftables/ruleset.ts";
import type { NodeParts } from "./assemble-node.ts";

const names: ReadonlySet<string> = new Set(["raw", "mangle", "nat", "filter", "security"]);

/**
 * iptables-nft keeps its rules in tables of nftables, so a host shows them twice. Where it told them as iptables-save
 * prints them, those tables of the other dump are left out: what nft prints of their extensions says less.
 */
export function withoutTablesOfIptables(parts: Partial<NodeParts>): Partial<NodeParts> {
  const { iptables = [], nftables, remarks = [] } = parts;
  if (nftables === undefined) return parts;
  if (iptables.length === 0) {
    const own = nftables.tables.filter(isOfIptables).map(({ family, name }) => `${family} ${name}`);
    if (own.length === 0) return parts;
    const remark = `nft may have left out targets of the rules in ${own.join(", ")}, which are iptables' own (iptables-save has them)`;
    return { ...parts, remarks: [...remarks, remark] };
  }
  const isTwice = ({ family, name }: NftablesRuleset["tables"][number]): boolean =>
    names.has(name) && iptables.some((ruleset) => family === (ruleset.family === 4 ? "ip" : "ip6"));
  return { ...parts, nftables: { tables: nftables.tables.filter((table) => !isTwice(table)) } };
}

/** By its name, and by chains with names that iptables gives those of the kernel. */
function isOfIptables({ family, name, chains }: NftablesRuleset["tables"][number]): boolean {
  const isNamed = (family === "ip" || family === "ip6") && names.has(name);
  return isNamed && chains.some(({ base, name: chain }) => base !== undefined && chain === base.hook.toUpperCase());
}
