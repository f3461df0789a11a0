import { assertNever } from "../../core/errors.ts";
import { renderRule } from "../../modes/iptables/render.ts";
import type { OwnTarget } from "../../modes/iptables/ruleset.ts";
import { formatSocketAddr } from "../../net/flow.ts";
import { familyOf } from "../../net/ip.ts";
import type { Step } from "./decider.ts";
import type { PreparedChain, PreparedRule } from "./iptables-chains.ts";
import { markedBy, type Packet } from "./packet.ts";

/** A rule that a packet met, as iptables-save prints it. */
export function ruleStep(chain: PreparedChain, rule: PreparedRule, packet: Packet, matched: boolean): Step {
  const step = {
    where: chain.where,
    rule: `-A ${chain.name} ${renderRule(rule.source, familyOf(packet.dst), "save")}`.trimEnd(),
    matched,
    effect: matched ? effectText(rule.target, packet) : rule.probability === undefined ? "" : "passed over",
  };
  return rule.probability === undefined ? step : { ...step, probability: rule.probability };
}

/** A packet came to the end of a built-in chain that drops what no rule decided. */
export function policyStep({ where, name }: PreparedChain): Step {
  return { where, rule: `-P ${name} DROP`, matched: true, effect: "drop" };
}

function effectText(target: OwnTarget | undefined, packet: Packet): string {
  if (target === undefined) return "continue";
  switch (target.kind) {
    case "jump":
    case "goto":
      return `${target.kind} ${target.chain}`;
    case "accept":
    case "drop":
    case "reject":
    case "return":
    case "masquerade":
      return target.kind;
    case "mark":
      return `mark 0x${markedBy(packet.mark, target).toString(16)}`;
    case "dnat":
      return `destination ${formatSocketAddr(target.to)}`;
    case "redirect":
      return `redirect to port ${target.port}`;
    default:
      return assertNever(target);
  }
}
