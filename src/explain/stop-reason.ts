import type { PacketHead } from "../dataplane/emulated/netfilter/packet.ts";
import { NO_SERVERS, NONE_TAKES } from "../dataplane/emulated/netfilter/virtual-servers.ts";
import { sameIp } from "../net/ip.ts";
import { clientError } from "./client-error.ts";
import type { Emptiness } from "./emptiness.ts";
import type { PacketOutcome, PathStep } from "./packet-outcome.ts";
import type { AskedService } from "./reasons.ts";
import { ownerOf } from "./rule-owner.ts";

const NO_ENDPOINTS = "the service has no endpoints";
const OUTSIDE = "the client is outside the service's loadBalancerSourceRanges";
export const NOT_LOCAL = "the traffic policy is Local, and no endpoint of the service is on this node";

/** Why a virtual server has no real servers, in words. */
const emptinessTexts: Readonly<Record<Emptiness, string>> = {
  "no-endpoints": NO_ENDPOINTS,
  "not-local": NOT_LOCAL,
  either:
    "the virtual server has no server: the service has no endpoints, or a traffic policy of Local and none on this node, " +
    "and nothing that was given tells which",
};

/** Which words of a rule tell why a packet is stopped, and in what words we do: the first that is found. */
const stops: readonly (readonly [RegExp, string])[] = [
  [/has no local endpoints/, NOT_LOCAL],
  [/has no endpoints/, NO_ENDPOINTS],
  [new RegExp(NONE_TAKES), "each server of the virtual server is being drained (weight 0) or full"],
  [/nf_conntrack_max/, "conntrack's table is full"],
  [/invalid ports of ClusterIPs|KUBE-IPVS-IPS/, "the address is a service's, the port is not"],
  [/KUBE-FW-|KUBE-SOURCE-RANGES-FIREWALL|^nat\/KUBE-FIREWALL |kube-proxy\/firewall-/, OUTSIDE],
  [/ctstate INVALID|ct state invalid/, "conntrack takes the packet for invalid"],
];

/** kube-proxy's chains and maps of nftables that have no comment: what they do tells why. */
const endpointChecks: Readonly<Partial<Record<PacketOutcome["verdict"], string>>> = {
  drop: NOT_LOCAL,
  reject: NO_ENDPOINTS,
};

/** The rule that ends the packet tells why; of one that was marked to be dropped, the rule that had it marked. */
export function stopReason(
  head: PacketHead,
  outcome: PacketOutcome,
  asked: Pick<AskedService, "emptiness">,
): readonly string[] {
  const cause = stopCause(head, outcome, asked);
  return cause === undefined ? [] : [`${cause} (${outcome.by})`];
}

/** Whether a rule stops the packet of which nobody knows what it is for. */
export function isAnybodys(head: PacketHead, outcome: PacketOutcome, asked: Pick<AskedService, "emptiness">): boolean {
  const { by, path } = outcome;
  const isKnown = policyReason(by, path) !== undefined || purposeOf(by, path) !== undefined;
  return !isKnown && stopCause(head, outcome, asked) === ruleReason(head, outcome);
}

/** The same without the rule. @returns undefined for a packet that is not stopped. */
export function stopCause(
  head: PacketHead,
  outcome: PacketOutcome,
  { emptiness }: Pick<AskedService, "emptiness">,
): string | undefined {
  const { verdict, by, path } = outcome;
  if (verdict !== "drop" && verdict !== "reject") return undefined;
  if (by.startsWith("ipvs: ") && by.endsWith(NO_SERVERS)) return emptinessTexts[emptiness()];
  const checked = path
    .slice(-2)
    .some(({ rule, matched }) => matched && /@no-endpoint-(?:services|nodeports)/.test(rule));
  const marks = path
    .filter(({ effect }) => effect === "jump KUBE-MARK-DROP")
    .map(({ where, rule }) => `${where} ${rule}`);
  const texts = /KUBE-FIREWALL|KUBE-MARK-DROP/.test(by) ? [...marks, by] : [by];
  const found = stops.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1];
  // Whom the source ranges let in is dropped by the same rule where no endpoint of this node takes over.
  const known = found === OUTSIDE && path.some(isLetIn) ? NOT_LOCAL : found;
  return known ?? (checked ? endpointChecks[verdict] : undefined) ?? ruleReason(head, outcome);
}

/** KUBE-FW-… sends clients on that are in the source ranges. */
function isLetIn({ where, effect, matched }: PathStep): boolean {
  return matched && where.startsWith("nat/KUBE-FW-") && /^jump KUBE-(?:EXT|SVC|XLB)-/.test(effect);
}

/** Rules of other programs whose names tell what they are for. */
const purposes: readonly (readonly [RegExp, string])[] = [
  [/^filter\/(?:KUBE-POD-FW-|KUBE-NWPLCY-)/, "no network policy of kube-router lets it through"],
  [/^filter\/cali-.*no (?:policies|profiles|matching)/i, "no network policy of Calico lets it through"],
  [/^filter\/WEAVE-NPC/, "no network policy of Weave Net lets it through"],
  [/^filter\/DOCKER-ISOLATION-STAGE-/, "Docker keeps its networks apart"],
  [/^raw\/PREROUTING: .* ! -i (?:docker|br-)/, "Docker lets nobody reach a container past its published ports"],
  [/block incoming localnet connections/, "addresses of loopback are reached from this node alone"],
];

/** Why a rule of anybody's stops the packet: whose it is, where the packet was bound for, and how a client notices. */
function ruleReason(head: PacketHead, { verdict, by, path, to }: PacketOutcome): string {
  if (by.startsWith("routing: ")) return "the node does not route it";
  const rewritten = sameIp(to.ip, head.dst) && to.port === head.dstPort ? "" : ", once it was sent on to an endpoint";
  const error = verdict === "reject" ? clientError(by) : undefined;
  const symptom = error === undefined ? "" : `: a client says "${error}"`;
  return `${whoStops({ verdict, by, path })}${rewritten}${symptom}`;
}

/** A policy, or a rule, and whose. */
function whoStops({ verdict, by, path }: Pick<PacketOutcome, "verdict" | "by" | "path">): string {
  return policyReason(by, path) ?? purposeOf(by, path) ?? ownerReason(verdict, by, path);
}

/** Why the first answer to a packet is stopped on its way back. @returns undefined: it is not. */
export function backReason({ back }: PacketOutcome): string | undefined {
  if (back === undefined || (back.verdict !== "drop" && back.verdict !== "reject")) return undefined;
  const { verdict, by } = back;
  const why = by.startsWith("routing: ") ? "the node does not route it" : whoStops({ verdict, by, path: [] });
  return `the answer does not come back: ${why} (${by})`;
}

function policyReason(by: string, path: readonly PathStep[]): string | undefined {
  const [, where, policy] = /^([^:]+): (?:-P \S+|policy) (DROP|drop)$/.exec(by) ?? [];
  if (where === undefined) return undefined;
  const isDockers = where === "filter/FORWARD" && path.some((step) => / -j DOCKER-USER/.test(step.rule));
  const chain = where.slice(where.indexOf("/") + 1);
  return `no rule of chain ${chain} accepts it, and the chain's policy is ${policy}${isDockers ? ", which Docker sets" : ""}`;
}

function purposeOf(by: string, path: readonly PathStep[]): string | undefined {
  const known = purposes.find(([pattern]) => pattern.test(by))?.[1];
  // Weave Net's chain comes back, and the rule behind it drops.
  const isWeaves = by.startsWith("filter/FORWARD: ") && path.some(({ effect }) => effect === "jump WEAVE-NPC");
  return known ?? (isWeaves ? "no network policy of Weave Net lets it through" : undefined);
}

function ownerReason(verdict: PacketOutcome["verdict"], by: string, path: readonly PathStep[]): string {
  const where = by.slice(0, Math.max(by.indexOf(": "), 0));
  // firewalld has its last word in the kernel's own chains.
  const isFirewallds = path.some((step) => step.where === where && / -j (?:FORWARD_IN|INPUT)_ZONES/.test(step.rule));
  const owner = ownerOf(where) ?? (isFirewallds ? "firewalld" : undefined);
  return `a rule${owner === undefined ? "" : ` of ${owner}`} ${verdict === "drop" ? "drops" : "refuses"} it`;
}
