import type { ServicePort } from "../../model/service-port.ts";
import { changesBetween } from "../../modes/iptables/changes.ts";
import { builtInChains } from "../../modes/iptables/built-in-chains.ts";
import type { IptablesRuleset } from "../../modes/iptables/ruleset.ts";
import type { ConfigMode } from "../config/config.ts";

/** Rules by table, without the jumps from the kernel's own chains: those that kube-proxy restores. */
export function countRules({ tables }: IptablesRuleset): { readonly filter: number; readonly nat: number } {
  const count = (name: "filter" | "nat"): number =>
    tables
      .filter((table) => table.name === name)
      .flatMap(({ chains }) => chains)
      .filter((chain) => !builtInChains[name].includes(chain.name))
      .reduce((sum, { rules }) => sum + rules.length, 0);
  return { filter: count("filter"), nat: count("nat") };
}

/** Rules by table that lead from one ruleset to the next: those of chains that differ, and a deletion for each that goes. */
export function countWritten(
  before: IptablesRuleset,
  after: IptablesRuleset,
): { readonly filter: number; readonly nat: number } {
  const changes = changesBetween(before, after);
  const count = (table: "filter" | "nat"): number =>
    changes
      .filter(({ name }) => name === table)
      .reduce(
        (sum, { replace, drop }) => replace.reduce((rules, chain) => rules + chain.rules.length, sum + drop.length),
        0,
      );
  return { filter: count("filter"), nat: count("nat") };
}

/**
 * How many service ports of one family have endpoints, but none on this node, where a traffic policy wants one here. In
 * mode ipvs a Service counts once, whatever its ports.
 */
export function countWithoutLocalEndpoints(
  ports: readonly ServicePort[],
  mode: ConfigMode,
): { readonly internal: number; readonly external: number } {
  const count = (lacks: (port: ServicePort) => boolean): number => {
    const lacking = ports.filter((port) => port.hasAny && lacks(port));
    if (mode !== "ipvs") return lacking.length;
    return new Set(lacking.map(({ namespace, service }) => `${namespace}/${service}`)).size;
  };
  return { internal: count(({ hasInternal }) => !hasInternal), external: count(({ hasExternal }) => !hasExternal) };
}
