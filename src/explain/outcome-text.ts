import { formatSocketAddr, SCTP, UDP } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import type { Outcome, TracedDecision } from "./outcomes.ts";
import type { Trace } from "./trace.ts";

/** What becomes of the packet, in one line. */
export function outcomeText(trace: Trace, outcome: TracedDecision | Outcome): string {
  switch (outcome.verdict) {
    case "forward":
      return `forward to ${formatSocketAddr(outcome.to)}${sourceText(outcome.masquerade)}`;
    case "reject":
      return "reject: the client is told that the port is unreachable";
    case "drop":
      return `drop: ${dropText(trace)}`;
    case "pass":
      return `pass: ${passText(trace)}`;
  }
}

function sourceText(masquerade: boolean | undefined): string {
  if (masquerade === undefined) return "";
  return `, source ${masquerade ? "masqueraded" : "kept"}`;
}

/** The userspace proxy's socket is open whether or not there are endpoints. */
function dropText({ mode, flow }: Trace): string {
  const accepts = mode === "userspace" && flow.proto !== UDP;
  return accepts ? "accepted, then closed without data" : "the client hears nothing";
}

function passText({ mode, flow, toNode }: Trace): string {
  if (toNode) return "accepted for this node; whatever listens there answers";
  if (mode === "userspace" && flow.proto === SCTP) return "the userspace mode does not serve SCTP; routing takes it on";
  if (mode === "userspace" && familyOf(flow.dst) === 6) {
    return "the userspace mode does not serve IPv6; routing takes it on";
  }
  return "no rule or service sends it elsewhere; routing takes it on";
}
