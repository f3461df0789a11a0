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
  /** IPv4: bits of the source that must be `src`; mask 0: any. */
  readonly src: number;
  readonly srcMask: number;
  /** IPv4: bits of the destination that must be `dst`; mask 0: any. */
  readonly dst: number;
  readonly dstMask: number;
  /** 0: any. */
  readonly dstPort: number;
  /** What else must hold: first what looks, then what draws or remembers, then what nobody can tell. */
  readonly conditions: readonly PreparedCondition[] | undefined;
  readonly target: Target | undefined;
  /** For how long a client that it sends on is sent there again; undefined: it remembers nobody. */
  readonly sticksSeconds: number | undefined;
  /** As it was given. */
  readonly source: Rule;
}

export function prepareRule(rule: Rule, context: ConditionContext): PreparedRule {
  const head: Head = { proto: 0, src: 0, srcMask: 0, dst: 0, dstMask: 0, dstPort: 0 };
  const conditions: PreparedCondition[] = [];
  for (const match of rule.matches) {
    if (!takeIntoHead(head, match)) {
      conditions.push(isForeignMatch(match) ? prepareForeignCondition(match) : prepareOwnCondition(match, context));
    }
  }
  const { proto, src, srcMask, dst, dstMask, dstPort } = head;
  // Spread, each rule would have a hidden class of its own, and every look at one would be slow.
  return {
    proto,
    src,
    srcMask,
    dst,
    dstMask,
    dstPort,
    conditions: inOrder(conditions),
    target: rule.target,
    sticksSeconds: sticksSeconds(rule, context),
    source: rule,
  };
}

/** Session affinity: a rule that sends clients on and remembers them, in a list that others ask. */
function sticksSeconds({ matches, target }: Rule, { recentSeconds }: ConditionContext): number | undefined {
  if (target?.kind !== "dnat" && target?.kind !== "dnat-range") return undefined;
  for (const match of matches) {
    if (match.kind === "recent-set") return recentSeconds(match.list);
    if (match.kind === "recent" && match.set !== undefined) return recentSeconds(match.list ?? "DEFAULT");
  }
  return undefined;
}

function inOrder(conditions: readonly PreparedCondition[]): readonly PreparedCondition[] | undefined {
  if (conditions.length < 2) return conditions.length === 0 ? undefined : conditions;
  const place = ({ acts, doubt }: PreparedCondition): number => (acts ? 1 : doubt === "" ? 0 : 2);
  return conditions.toSorted((a, b) => place(a) - place(b));
}

type Head = { -readonly [K in "proto" | "src" | "srcMask" | "dst" | "dstMask" | "dstPort"]: PreparedRule[K] };

/** @returns whether the head now says what the match says. */
function takeIntoHead(head: Head, match: Match): boolean {
  switch (match.kind) {
    case "comment":
      return true;
    case "protocol":
      if (match.not === true || head.proto !== 0) return false;
      head.proto = match.proto;
      return true;
    case "destination": {
      const { base, bits } = match.range;
      if (match.not === true || typeof base !== "number" || head.dstMask !== 0) return false;
      head.dstMask = maskOf(bits);
      head.dst = base & head.dstMask;
      return true;
    }
    case "source": {
      const { base, bits } = match.range;
      if (match.not === true || typeof base !== "number" || head.srcMask !== 0) return false;
      head.srcMask = maskOf(bits);
      head.src = base & head.srcMask;
      return true;
    }
    case "destination-port": {
      const { port, proto } = match;
      if (match.not === true || port === 0 || head.proto !== proto || head.dstPort !== 0) return false;
      head.dstPort = port;
      return true;
    }
    default:
      return false;
  }
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** Whether the plain comparisons of a rule hold. */
function headHolds({ proto, src, srcMask, dst, dstMask, dstPort }: PreparedRule, { packet }: Walk): boolean {
  return (
    (srcMask === 0 || (typeof packet.src === "number" && (packet.src & srcMask) === src)) &&
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
