import { formatFraction, fraction, nearReciprocal } from "../dataplane/emulated/netfilter/fraction.ts";
import type { Mode } from "../modes/program.ts";
import type { Step } from "../dataplane/emulated/decider.ts";
import { formatSocketAddr, protocolName } from "../net/flow.ts";
import type { Outcome, TracedDecision } from "./outcomes.ts";
import type { Trace } from "./trace.ts";

/** A trace for other programs: addresses as text, probabilities as fractions. */
export interface TraceJson {
  readonly mode: Mode;
  readonly flow: { readonly protocol: "tcp" | "udp" | "sctp"; readonly from: string; readonly to: string };
  /** Whether the packet was sent to an address of the node itself. */
  readonly toNode: boolean;
  readonly decision: OutcomeJson & { readonly steps: number };
  readonly outcomes: readonly (OutcomeJson & {
    readonly probability: string;
    readonly exact: string;
    /** What the one walk met; the same for every outcome. */
    readonly path: readonly Step[];
  })[];
  /** What decides about packets in this mode and was not walked, in words; nothing here takes it into account. */
  readonly notWalked: readonly string[];
}

interface OutcomeJson {
  readonly verdict: Outcome["verdict"];
  /** Only of a forward. */
  readonly to?: string;
  /** Only of a forward, and only where the rules that decide it were walked. */
  readonly masquerade?: boolean;
}

export function traceJson({ mode, flow, toNode, decision, steps, outcomes, notWalked }: Trace): TraceJson {
  return {
    mode,
    flow: {
      protocol: protocolName(flow.proto),
      from: formatSocketAddr({ ip: flow.src, port: flow.srcPort }),
      to: formatSocketAddr({ ip: flow.dst, port: flow.dstPort }),
    },
    toNode,
    decision: { ...outcomeJson(decision), steps: decision.steps },
    outcomes: outcomes.map((outcome) => {
      const exact = fraction(BigInt(Math.round(outcome.probability * 2 ** 52)), 2n ** 52n);
      const probability = formatFraction(nearReciprocal(exact) ?? exact);
      return Object.assign(outcomeJson(outcome), { probability, exact: formatFraction(exact), path: steps });
    }),
    notWalked,
  };
}

function outcomeJson(outcome: TracedDecision | Outcome): OutcomeJson {
  if (outcome.verdict !== "forward") return { verdict: outcome.verdict };
  const to = formatSocketAddr(outcome.to);
  const { masquerade } = outcome;
  return masquerade === undefined ? { verdict: "forward", to } : { verdict: "forward", to, masquerade };
}
