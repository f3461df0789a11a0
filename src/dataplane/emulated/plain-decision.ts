import type { Decision } from "../dataplane.ts";
import type { FlowDecision } from "./decider.ts";

/** A decision as the outside sees it: without the pool that counts it. */
export function plainDecision(decision: FlowDecision): Decision {
  if (decision.verdict !== "forward") return decision;
  const { verdict, to, masquerade, steps } = decision;
  return { verdict, to, masquerade, steps };
}
