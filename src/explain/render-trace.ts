import type { Step } from "../dataplane/emulated/decider.ts";
import { type Flow, formatSocketAddr, protocolName } from "../net/flow.ts";
import { outcomeText } from "./outcome-text.ts";
import type { Outcome } from "./outcomes.ts";
import type { Trace } from "./trace.ts";

export interface RenderTraceOptions {
  /**
   * Shows every rule that was looked at. Otherwise a run of rules that do not match is one line.
   * @default false
   */
  readonly all?: boolean;
}

/** Runs of up to this many rules that do not match are shown anyway. */
const SHORT_RUN = 3;

/** A trace as text for a terminal: the rules chain by chain with what came of them, the verdict, the alternatives. */
export function renderTrace(trace: Trace, { all = false }: RenderTraceOptions = {}): string {
  const { mode, flow, steps, decision, outcomes } = trace;
  const likely = outcomes.toSorted((a, b) => b.probability - a.probability);
  return [
    `${flowText(flow)}, mode ${mode}`,
    "",
    ...chainLines(steps, all || mode !== "iptables" ? Infinity : SHORT_RUN),
    ...(steps.length === 0 ? ["no rule or service of this program was met"] : []),
    "",
    `verdict: ${outcomeText(trace, decision)} (steps: ${decision.steps})`,
    ...trace.notWalked.map((what) => `not walked: ${what}; nothing is said of the source, nor of clients kept out`),
    ...(likely.length < 2 ? [] : ["", "possible outcomes:", ...likely.map((one) => likelyText(trace, one))]),
    "",
  ].join("\n");
}

function flowText({ proto, src, srcPort, dst, dstPort }: Flow): string {
  const from = formatSocketAddr({ ip: src, port: srcPort });
  return `${protocolName(proto)} ${from} -> ${formatSocketAddr({ ip: dst, port: dstPort })}`;
}

/** Steps under a heading for each chain; what is of no consequence is folded. */
function chainLines(steps: readonly Step[], shortRun: number): string[] {
  const lines: string[] = [];
  for (let first = 0; first < steps.length;) {
    const step = steps[first]!;
    if (step.where !== steps[first - 1]?.where) lines.push(step.where);
    const end = endOfRun(steps, first);
    if (end - first > shortRun) lines.push(`    (${end - first} rules that do not match)`);
    else for (const one of steps.slice(first, Math.max(end, first + 1))) lines.push(...stepLines(one));
    first = Math.max(end, first + 1);
  }
  return lines;
}

/** Where the run of rules of one chain that simply do not match ends; `first` itself when there is none. */
function endOfRun(steps: readonly Step[], first: number): number {
  const { where } = steps[first]!;
  let end = first;
  while (end < steps.length && steps[end]!.where === where && isIdle(steps[end]!)) end += 1;
  return end;
}

function isIdle({ matched, probability }: Step): boolean {
  return !matched && probability === undefined;
}

function stepLines({ rule, matched, effect, probability }: Step): string[] {
  const line = `${matched ? "  * " : "    "}${rule}`;
  const chance = probability === undefined ? "" : `, probability ${percent(probability)}`;
  return effect === "" ? [line] : [line, `      => ${effect}${chance}`];
}

function likelyText(trace: Trace, outcome: Outcome): string {
  return `${percent(outcome.probability).padStart(12)}  ${outcomeText(trace, outcome)}`;
}

/** At least two digits behind the point, and two that are not 0. */
function percent(probability: number): string {
  const value = probability * 100;
  return `${value >= 0.01 || value === 0 ? value.toFixed(2) : value.toPrecision(2)} %`;
}
