import type { ClusterObject } from "../../../src/cluster/objects.ts";
import { compileIptables } from "../../../src/modes/iptables/compile.ts";
import { type IptablesOptions, resolveIptablesOptions } from "../../../src/modes/iptables/options.ts";
import { renderRule } from "../../../src/modes/iptables/render.ts";
import type { IptablesRuleset } from "../../../src/modes/iptables/ruleset.ts";
import type { Family } from "../../../src/net/ip.ts";
import { seen } from "../../model/seen.ts";

/** Compiles the objects as seen on `node-a`. */
export function compiled(
  objects: readonly ClusterObject[],
  options: IptablesOptions = {},
  family: Family = 4,
): IptablesRuleset {
  return compileIptables(seen(objects), family, resolveIptablesOptions(options));
}

/** The rules of all chains that have any, by `table/CHAIN`, as kube-proxy writes them. */
export function chainsOf({ family, tables }: IptablesRuleset): Readonly<Record<string, readonly string[]>> {
  const named = tables.flatMap(({ name, chains }) =>
    chains
      .filter(({ rules }) => rules.length > 0)
      .map((chain) => [`${name}/${chain.name}`, chain.rules.map((rule) => renderRule(rule, family, "restore"))]),
  );
  return Object.fromEntries(named) as Record<string, string[]>;
}

/** What the objects add to the rules that every ruleset has: only chains that differ, with all of their rules. */
export function addedBy(
  objects: readonly ClusterObject[],
  options: IptablesOptions = {},
  family: Family = 4,
): Readonly<Record<string, readonly string[]>> {
  const nodes = objects.filter(({ kind }) => kind === "Node");
  const plain = chainsOf(compiled(nodes, options, family));
  const all = Object.entries(chainsOf(compiled(objects, options, family)));
  return Object.fromEntries(all.filter(([name, rules]) => rules.join("\n") !== plain[name]?.join("\n")));
}
