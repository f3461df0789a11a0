import { isForeignMatch } from "../../../../modes/iptables/foreign-matches.ts";
import type { Match, Rule, Target } from "../../../../modes/iptables/ruleset.ts";
import type { Walk } from "../walk.ts";
import type { ConditionContext, PreparedCondition } from "./condition.ts";
import { prepareForeignCondition } from "./foreign-conditions.ts";
import { prepareOwnCondition } from "./own-conditions.ts";

/** A rule made ready. Plain comparisons stand first and by themselves: most rules end there. */
export interface PreparedRule {
  /** 0: any. */
  readonly proto: number;
  /** IPv4: bits of the destination that must be `dst`; mask 0: any. */
  readonly dst: number;
  readonly dstMask: number;
  /** 0: any. */
  readonly dstPort: number;
  /** What else must hold: first what looks, then what draws or remembers, then what nobody can tell. */
  readonly conditions: readonly PreparedCondition[] | undefined;
  readonly target: Target | undefined;
  /** As it was given. */
  readonly source: Rule;
}

export function prepareRule(rule: Rule, context: ConditionContext): PreparedRule {
  const head = { proto: 0, dst: 0, dstMask: 0, dstPort: 0 };
  const conditions: PreparedCondition[] = [];
  for (const match of rule.matches) {
    if (!takeIntoHead(head, match)) {
      conditions.push(isForeignMatch(match) ? prepareForeignCondition(match) : prepareOwnCondition(match, context));
    }
  }
  const { proto, dst, dstMask, dstPort } = head;
  // Spread, each rule would have a hidden class of its own, and every look at one would be slow.
  return { proto, dst, dstMask, dstPort, conditions: inOrder(conditions), target: rule.target, source: rule };
}

function inOrder(conditions: readonly PreparedCondition[]): readonly PreparedCondition[] | undefined {
  if (conditions.length < 2) return conditions.length === 0 ? undefined : conditions;
  const place = ({ acts, doubt }: PreparedCondition): number => (acts ? 1 : doubt === "" ? 0 : 2);
  return conditions.toSorted((a, b) => place(a) - place(b));
}

/** @returns whether the head now says what the match says. */
function takeIntoHead(head: { proto: number; dst: number; dstMask: number; dstPort: number }, match: Match): boolean {
  if (match.kind === "comment") return true;
  if ("not" in match && match.not === true) return false;
  if (match.kind === "protocol" && head.proto === 0) {
    head.proto = match.proto;
    return true;
  }
  if (match.kind === "destination" && typeof match.range.base === "number" && head.dstMask === 0) {
    const { base, bits } = match.range;
    if (bits === 0) return true;
    head.dst = base | 0;
    head.dstMask = -1 << (32 - bits);
    return true;
  }
  if (match.kind === "destination-port" && match.port !== 0 && head.proto === match.proto && head.dstPort === 0) {
    head.dstPort = match.port;
    return true;
  }
  return false;
}

/** Whether the plain comparisons of a rule hold. */
function headHolds({ proto, dst, dstMask, dstPort }: PreparedRule, { packet }: Walk): boolean {
  return (
    (dstMask === 0 || (typeof packet.dst === "number" && (packet.dst & dstMask) === dst)) &&
    (proto === 0 || proto === packet.proto) &&
    (dstPort === 0 || (dstPort === packet.dstPort && packet.dstPorts === undefined))
  );
}

/** Targets that leave no trace but a record: whether their rules apply makes no difference. */
const idle: ReadonlySet<string> = new Set(["log", "nflog", "trace"]);

/** Whether a rule applies. @param doubt takes what nobody can tell to hold or not. */
export function ruleApplies(rule: PreparedRule, walk: Walk, doubt: (why: string) => boolean): boolean {
  if (!headHolds(rule, walk)) return false;
  if (rule.conditions === undefined) return true;
  for (const condition of rule.conditions) {
    const answer = condition.holds(walk);
    if (answer === false) return false;
    if (answer === true) continue;
    if (rule.target === undefined || idle.has(rule.target.kind)) return false;
    if (!doubt(condition.doubt)) return false;
  }
  return true;
}
