import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import { sameIp } from "../net/ip.ts";
import type { PacketOutcome } from "./packet-outcome.ts";
import type { PacketTrace } from "./trace-packet.ts";

/** What the cluster says about the packet's destination, where one was given. */
export interface AskedService {
  readonly name: string | undefined;
  /** Ports that services have at that address. */
  readonly otherPorts: readonly string[];
}

/** Why things are as they are, and not as somebody might expect, in sentences; empty: nothing is unusual. */
export function reasonsOf(trace: PacketTrace, { name, otherPorts }: AskedService): readonly string[] {
  const { outcomes } = trace;
  return [
    ...(name === undefined && otherPorts.length > 0 && !isForwarded(outcomes)
      ? [`the address is a service's, the port is not: there is ${otherPorts.join(", ")}`]
      : []),
    ...new Set(outcomes.flatMap(stopReason)),
    ...outcomes.flatMap((outcome) => sourceReason(trace, outcome)).filter((text, at, all) => all.indexOf(text) === at),
    ...hairpins(trace),
    ...new Set(outcomes.flatMap(affinityReason)),
  ];
}

function isForwarded(outcomes: readonly PacketOutcome[]): boolean {
  return outcomes.some(({ verdict }) => verdict === "forward" || verdict === "local");
}

/** Which comment of a rule tells why a packet is stopped, and in what words we do. */
const stops: readonly (readonly [RegExp, string])[] = [
  [/has no local endpoints/, "the traffic policy is Local, and no endpoint of the service is on this node"],
  [/has no endpoints|no-endpoint/, "the service has no endpoints"],
  [/firewall|KUBE-FW-|KUBE-LOAD-BALANCER|LOADBALANCER/, "the client is outside the service's loadBalancerSourceRanges"],
  [/no server that takes connections/, "the virtual server has no server that takes connections"],
  [/ctstate INVALID|ct state invalid/, "conntrack takes the packet for invalid"],
];

function stopReason({ verdict, by, path }: PacketOutcome): readonly string[] {
  if (verdict !== "drop" && verdict !== "reject") return [];
  const text = [by, ...path.slice(-3).map(({ where, rule }) => `${where} ${rule}`)].join("\n");
  const known = stops.find(([pattern]) => pattern.test(text));
  return [`${known === undefined ? "stopped" : known[1]} (${by})`];
}

function sourceReason({ head }: PacketTrace, outcome: PacketOutcome): readonly string[] {
  const { verdict, source, path } = outcome;
  if (verdict !== "forward" && verdict !== "local" && verdict !== "pass") return [];
  if (sameIp(source.ip, head.src)) return [];
  const marked = path.find(({ where, effect }) => /MARK-MASQ|mark-for-masquerade/.test(where) && effect !== "");
  const caller = marked && path[path.indexOf(marked) - 1];
  const why = caller === undefined ? "" : ` because this rule marked it: ${caller.rule}`;
  return [`the source becomes the node's${why}`];
}

/** A client that may be sent to itself. */
function hairpins({ head, outcomes }: PacketTrace): readonly string[] {
  const toItself = outcomes.filter(({ verdict, to }) => verdict === "forward" && sameIp(to.ip, head.src));
  return toItself.map(({ probability, source }) => {
    const chance = formatFraction(probability);
    const rest = sameIp(source.ip, head.src)
      ? "its own address stays the source, so the answer never comes back through the node"
      : "the bridge must let it back out by the port that it came from (hairpin mode)";
    return `the client may be sent to itself (${chance}): ${rest}`;
  });
}

function affinityReason({ path }: PacketOutcome): readonly string[] {
  for (const { rule } of path) {
    const recent = /--rcheck --seconds (\d+)|-m recent --name \S+ --set/.exec(rule);
    if (recent !== null) return ["the client sticks to this endpoint by affinity"];
    if (/update @affinity/.test(rule)) return ["the client sticks to this endpoint by affinity"];
  }
  return [];
}
