import { type Cidr, hostCidr } from "../../net/cidr.ts";
import { isLoopback } from "../../net/ip.ts";
import type { RuleContext } from "./context.ts";
import { append, type TableDraft } from "./draft.ts";
import { LOCALNET } from "./fixed-rules.ts";
import { comment, jump, to, toLocal } from "./matches.ts";
import type { Match } from "./ruleset.ts";

const lastRule = comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain");
const IPV6_LOOPBACK: Cidr = hostCidr({ w0: 0, w1: 0, w2: 0, w3: 1 });

/** Sends what is addressed to the node itself on to KUBE-NODEPORTS; comes after the rules of all services. */
export function addNodePortEntry(nat: TableDraft, context: RuleContext): void {
  const { nodePorts, localhostNodePorts } = context;
  if (nodePorts.all) {
    append(nat, "KUBE-SERVICES", [lastRule, toLocal, ...exceptLoopback(context)], jump("KUBE-NODEPORTS"));
    return;
  }
  for (const ip of nodePorts.addresses) {
    if (isLoopback(ip) && !localhostNodePorts) continue;
    append(nat, "KUBE-SERVICES", [lastRule, to(ip)], jump("KUBE-NODEPORTS"));
  }
}

function exceptLoopback({ family, localhostNodePorts }: RuleContext): readonly Match[] {
  if (localhostNodePorts) return [];
  return [{ kind: "destination", range: family === 4 ? LOCALNET : IPV6_LOOPBACK, not: true }];
}
