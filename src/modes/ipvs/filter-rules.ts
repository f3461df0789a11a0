import type { Match, Rule } from "../iptables/ruleset.ts";
import { accept, comment, type Dimensions, drop, explained, inSet, jump, leave, rule } from "./rule-parts.ts";
import type { RuleContext } from "./rule-context.ts";

const both: Dimensions = ["dst", "dst"];
const withSource: Dimensions = ["dst", "dst", "src"];
const isNew: Match = { kind: "conntrack-state", states: ["NEW"] };
const isKnown: Match = { kind: "conntrack-state", states: ["RELATED", "ESTABLISHED"] };

/** The chains of the table filter with their rules, in the order in which kube-proxy declares them. */
export function filterRules(context: RuleContext): Readonly<Record<string, readonly Rule[]>> {
  const { family, has, mark } = context;
  const firewall = rule(explained("loadBalancerFirewall", family, both), jump("KUBE-SOURCE-RANGES-FIREWALL"));
  return {
    // Let through also where the policy of FORWARD is DROP.
    "KUBE-FORWARD": [
      rule([comment("kubernetes forwarding rules"), { kind: "mark", value: mark, mask: mark }], accept),
      rule([comment("kubernetes forwarding conntrack rule"), isKnown], accept),
    ],
    "KUBE-NODE-PORT": [rule(explained("healthCheck", family, ["dst"]), accept)],
    "KUBE-PROXY-FIREWALL": has("loadBalancerFirewall") ? [firewall] : [],
    "KUBE-SOURCE-RANGES-FIREWALL": sourceRanges(context),
    "KUBE-IPVS-FILTER": hostPorts(context),
    "KUBE-IPVS-OUT-FILTER": context.closedToNode.map((server) =>
      // From the device the node's own traffic has the virtual server's address as source too.
      rule([{ kind: "source", range: server.vaddr }, server], drop),
    ),
  };
}

function sourceRanges({ family, has }: RuleContext): readonly Rule[] {
  const allowed = (["sourceCidr", "sourceIp"] as const).filter(has);
  return [...allowed.map((key) => rule(explained(key, family, withSource), leave)), rule([], drop)];
}

/** Ports of the host are not reached by service addresses, which are its own by the device. */
function hostPorts({ family }: RuleContext): readonly Rule[] {
  const services = ["loadBalancer", "clusterIp", "externalIp", "externalIpLocal"] as const;
  return [
    ...services.map((key) => rule([inSet(key, family, both)], leave)),
    rule([inSet("healthCheck", family, ["dst"])], leave),
    rule([isNew, inSet("bound", family, ["dst"])], { kind: "reject" }),
  ];
}
