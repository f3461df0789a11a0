import type { Chain, IptablesRuleset } from "../iptables/ruleset.ts";
import { filterRules } from "./filter-rules.ts";
import { filterJumps, natJumps } from "./jumps.ts";
import { natRules } from "./nat-rules.ts";
import type { RuleContext } from "./rule-context.ts";

/**
 * The iptables rules around the virtual servers. Their number does not grow with the services, but for those that close
 * load balancer addresses to the node.
 *
 * Source: kube-proxy, pkg/proxy/ipvs/proxier.go, `writeIptablesRules`, `createAndLinkKubeChain`.
 */
export function compileRules(context: RuleContext): IptablesRuleset {
  return {
    family: context.family,
    tables: [
      { name: "nat", chains: [...natJumps, ...chainsOf(natRules(context))] },
      { name: "filter", chains: [...filterJumps, ...chainsOf(filterRules(context))] },
    ],
  };
}

function chainsOf(rules: Readonly<Record<string, Chain["rules"]>>): Chain[] {
  return Object.entries(rules).map(([name, rules]) => ({ name, rules }));
}
