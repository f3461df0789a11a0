import type { Mode } from "../modes/program.ts";
import type { Step } from "../dataplane/emulated/decider.ts";
import { formatSocketAddr, protocolName } from "../net/flow.ts";
import type { Outcome } from "./outcomes.ts";
import type { Trace } from "./trace.ts";

/** A trace for other programs: addresses as text, probabilities as numbers. */
export interface TraceJson {
  readonly mode: Mode;
  readonly flow: { readonly protocol: "tcp" | "udp" | "sctp"; readonly from: string; readonly to: string };
  readonly decision: OutcomeJson & { readonly steps: number };
  readonly steps: readonly Step[];
  readonly outcomes: readonly (OutcomeJson & { readonly probability: number })[];
}

interface OutcomeJson {
  readonly verdict: Outcome["verdict"];
  /** Only of a forward. */
  readonly to?: string;
  readonly masquerade?: boolean;
}

export function traceJson({ mode, flow, decision, steps, outcomes }: Trace): TraceJson {
  return {
    mode,
    flow: {
      protocol: protocolName(flow.proto),
      from: formatSocketAddr({ ip: flow.src, port: flow.srcPort }),
      to: formatSocketAddr({ ip: flow.dst, port: flow.dstPort }),
    },
    decision: { ...outcomeJson(decision), steps: decision.steps },
    steps,
    outcomes: outcomes.map((outcome) => Object.assign(outcomeJson(outcome), { probability: outcome.probability })),
  };
}

function outcomeJson(outcome: Trace["decision"] | Outcome): OutcomeJson {
  if (outcome.verdict !== "forward") return { verdict: outcome.verdict };
  return { verdict: "forward", to: formatSocketAddr(outcome.to), masquerade: outcome.masquerade };
}
