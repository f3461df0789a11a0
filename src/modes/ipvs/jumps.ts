import type { Chain, Rule } from "../iptables/ruleset.ts";
import { comment, jump } from "./rule-parts.ts";

type Jump = readonly [to: string, why: string];

const portals: Jump = ["KUBE-SERVICES", "kubernetes service portals"];
const firewall: Jump = ["KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"];
const access = "kubernetes ipvs access filter";

/** The chains that every program has besides the kernel's own. */
export const ownChains = {
  nat: ["KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ"],
  filter: [
    "KUBE-FORWARD",
    "KUBE-NODE-PORT",
    "KUBE-PROXY-FIREWALL",
    "KUBE-SOURCE-RANGES-FIREWALL",
    "KUBE-IPVS-FILTER",
    "KUBE-IPVS-OUT-FILTER",
  ],
} as const;

/** The kernel's own chains with the jumps as it walks them: kube-proxy puts each in front of those before it. */
export const natJumps: readonly Chain[] = [
  builtIn("PREROUTING", [portals]),
  builtIn("INPUT", []),
  builtIn("OUTPUT", [portals]),
  builtIn("POSTROUTING", [["KUBE-POSTROUTING", "kubernetes postrouting rules"]]),
];
export const filterJumps: readonly Chain[] = [
  builtIn("INPUT", [["KUBE-IPVS-FILTER", access], firewall, ["KUBE-NODE-PORT", "kubernetes health check rules"]]),
  builtIn("FORWARD", [firewall, ["KUBE-FORWARD", "kubernetes forwarding rules"]]),
  builtIn("OUTPUT", [["KUBE-IPVS-OUT-FILTER", access]]),
];

function builtIn(name: string, jumps: readonly Jump[]): Chain {
  const rules = jumps.map(([to, why]): Rule => ({ matches: [comment(why)], target: jump(to) }));
  return { name, policy: "ACCEPT", rules };
}
