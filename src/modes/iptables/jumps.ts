import type { InChain } from "./changes.ts";
import { append, chain, type TableDraft } from "./draft.ts";
import { comment, jump, states } from "./matches.ts";
import type { Match } from "./ruleset.ts";

const isNew = states("NEW");
const portals = comment("kubernetes service portals");
const external = [isNew, comment("kubernetes externally-visible service portals")];
const services = [isNew, portals];
const firewall = [isNew, comment("kubernetes load balancer firewall")];
const healthChecks = [comment("kubernetes health check service ports")];
const forwarding = [comment("kubernetes forwarding rules")];

type Jump = readonly [from: string, to: string, matches: readonly Match[]];

/**
 * The jumps as the kernel walks them. kube-proxy puts each one in front of the others, so this is the reverse of its
 * list. KUBE-EXTERNAL-SERVICES cannot be reached from OUTPUT, nor the filter's KUBE-SERVICES from INPUT.
 */
const filterJumps: readonly Jump[] = [
  ["INPUT", "KUBE-FIREWALL", []],
  ["INPUT", "KUBE-PROXY-FIREWALL", firewall],
  ["INPUT", "KUBE-NODEPORTS", healthChecks],
  ["INPUT", "KUBE-EXTERNAL-SERVICES", external],
  ["FORWARD", "KUBE-PROXY-FIREWALL", firewall],
  ["FORWARD", "KUBE-FORWARD", forwarding],
  ["FORWARD", "KUBE-SERVICES", services],
  ["FORWARD", "KUBE-EXTERNAL-SERVICES", external],
  ["OUTPUT", "KUBE-FIREWALL", []],
  ["OUTPUT", "KUBE-PROXY-FIREWALL", firewall],
  ["OUTPUT", "KUBE-SERVICES", services],
];
const natJumps: readonly Jump[] = [
  ["PREROUTING", "KUBE-SERVICES", [portals]],
  ["OUTPUT", "KUBE-SERVICES", [portals]],
  ["POSTROUTING", "KUBE-POSTROUTING", [comment("kubernetes postrouting rules")]],
];

/** The chains that every ruleset has besides the kernel's own. */
export const topLevelChains = {
  filter: [
    "KUBE-SERVICES",
    "KUBE-EXTERNAL-SERVICES",
    "KUBE-FORWARD",
    "KUBE-NODEPORTS",
    "KUBE-PROXY-FIREWALL",
    "KUBE-FIREWALL",
  ],
  nat: ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"],
} as const;

/** The jumps to them. */
export const topLevelJumps: { readonly [T in keyof typeof topLevelChains]: readonly InChain[] } = {
  filter: filterJumps.map(inChain),
  nat: natJumps.map(inChain),
};

function inChain([chain, to, matches]: Jump): InChain {
  return { chain, rule: { matches, target: jump(to) } };
}

/** Names the chains that every ruleset has, with the jumps to them. */
export function addTopLevel(filter: TableDraft, nat: TableDraft): void {
  for (const name of topLevelChains.filter) chain(filter, name);
  for (const name of topLevelChains.nat) chain(nat, name);
  for (const [from, to, matches] of filterJumps) append(filter, from, matches, jump(to));
  for (const [from, to, matches] of natJumps) append(nat, from, matches, jump(to));
}
