import { type Protocol, SCTP, TCP, UDP } from "../../net/flow.ts";
import type { Match, Rule } from "../iptables/ruleset.ts";
import type { SetKey } from "./kube-sets.ts";
import {
  accept,
  comment,
  type Dimensions,
  explained,
  fromElsewhere,
  fromLoopback,
  inSet,
  jump,
  leave,
  markMasquerade,
  notBridged,
  ofProtocol,
  rule,
  toLocal,
} from "./rule-parts.ts";
import type { RuleContext } from "./rule-context.ts";

const both: Dimensions = ["dst", "dst"];

/** The chains of the table nat with their rules, in the order in which kube-proxy declares them. */
export function natRules(context: RuleContext): Readonly<Record<string, readonly Rule[]>> {
  return {
    "KUBE-SERVICES": services(context),
    "KUBE-POSTROUTING": postrouting(context),
    "KUBE-NODE-PORT": nodePorts(context),
    "KUBE-LOAD-BALANCER": loadBalancers(context),
    "KUBE-MARK-MASQ": [rule([], { kind: "mark", value: context.mark, mask: context.mark })],
  };
}

function services(context: RuleContext): readonly Rule[] {
  const { family, has } = context;
  const whenIn = (key: SetKey, rules: () => readonly Rule[]): readonly Rule[] => (has(key) ? rules() : []);
  return [
    // IPVS would send it to a pod with a source that no answer can come back to.
    rule([fromLoopback(family)], leave),
    ...whenIn("loadBalancer", () => [rule(explained("loadBalancer", family, both), jump("KUBE-LOAD-BALANCER"))]),
    ...whenIn("clusterIp", () => [clusterIps(context)]),
    ...whenIn("externalIp", () => {
      const matches = explained("externalIp", family, both);
      return [rule(matches, markMasquerade), ...externalIps(matches)];
    }),
    ...whenIn("externalIpLocal", () => externalIps(explained("externalIpLocal", family, both))),
    rule([toLocal], jump("KUBE-NODE-PORT")),
    // No rule of others behind this chain may take away what IPVS is to have.
    ...whenIn("clusterIp", () => [rule([inSet("clusterIp", family, both)], accept)]),
    ...whenIn("loadBalancer", () => [rule([inSet("loadBalancer", family, both)], accept)]),
  ];
}

/** A client that is no pod of ours is masqueraded, so that the endpoint's answer comes back through this node. */
function clusterIps({ family, masqueradeAll, notLocal }: RuleContext): Rule {
  if (masqueradeAll) return rule(explained("clusterIp", family, both), markMasquerade);
  if (notLocal !== undefined) return rule([...explained("clusterIp", family, both), notLocal], markMasquerade);
  // The node's own traffic: from the device it takes the service's address as source, which nobody could answer.
  return rule(explained("clusterIp", family, ["src", "dst"]), markMasquerade);
}

/** Only what comes from outside, or is for this node: other traffic to an external IP goes its own way. */
function externalIps(matches: readonly Match[]): readonly Rule[] {
  return [rule([...matches, notBridged, fromElsewhere], accept), rule([...matches, toLocal], accept)];
}

function postrouting({ family, has, mark, randomFully }: RuleContext): readonly Rule[] {
  // An endpoint that reaches itself would answer itself directly, and drop the answer.
  const hairpin = rule(explained("loopBack", family, ["dst", "dst", "src"]), {
    kind: "masquerade",
    randomFully: false,
  });
  return [
    ...(has("loopBack") ? [hairpin] : []),
    rule([{ kind: "mark", value: mark, mask: mark, not: true }], leave),
    // Taken off again, or a packet that comes by once more would be masqueraded once more.
    rule([], { kind: "mark", value: mark, mask: 0 }),
    rule([comment("kubernetes service traffic requiring SNAT")], { kind: "masquerade", randomFully }),
  ];
}

const nodePortSets: readonly (readonly [Protocol, local: SetKey, all: SetKey, Dimensions])[] = [
  [TCP, "nodePortLocalTcp", "nodePortTcp", ["dst"]],
  [UDP, "nodePortLocalUdp", "nodePortUdp", ["dst"]],
  [SCTP, "nodePortLocalSctp", "nodePortSctp", both],
];

/** With policy Local the client's address stays. */
function nodePorts({ family, has }: RuleContext): readonly Rule[] {
  return nodePortSets.flatMap(([proto, local, all, dimensions]) => {
    const of = (key: SetKey): readonly Match[] => [ofProtocol(proto), ...explained(key, family, dimensions)];
    const rules = [
      { key: local, target: leave },
      { key: all, target: markMasquerade },
    ];
    return rules.filter(({ key }) => has(key)).map(({ key, target }) => rule(of(key), target));
  });
}

function loadBalancers({ family, has }: RuleContext): readonly Rule[] {
  const local = rule(explained("loadBalancerLocal", family, both), leave);
  return [...(has("loadBalancerLocal") ? [local] : []), rule([], markMasquerade)];
}
