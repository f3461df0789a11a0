import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import type { Doubt } from "../dataplane/emulated/netfilter/choices.ts";
import { formatIp } from "../net/ip.ts";
import { endpointText } from "./gather.ts";
import type { PacketOutcome, PacketVerdict, PathStep, WayBack } from "./packet-outcome.ts";
import { protocolText } from "./protocol-text.ts";
import type { PacketTrace } from "./trace-packet.ts";

/** One thing that may become of a packet, for other programs. Probabilities are fractions as text: `1/3`. */
export interface OutcomeJson {
  readonly probability: string;
  /** By the numbers of the rules themselves; as `probability` where those are exact. */
  readonly exact: string;
  readonly verdict: PacketVerdict;
  /** Where the packet goes in the end; not of what is stopped. */
  readonly to?: string;
  /** The address that whoever gets it sees. */
  readonly source?: string;
  /** The port that goes with it, or the range that the kernel chooses it from. */
  readonly sourcePort?: string;
  /** What ended it. */
  readonly by?: string;
  readonly path: readonly PathStep[];
  /** For how long the client's further connections go to the same endpoint, by session affinity. */
  readonly sticksSeconds?: number;
  readonly back?: { readonly verdict: PacketVerdict; readonly from: string; readonly to: string; readonly by?: string };
  readonly undecided?: Doubt & {
    readonly ifItHolds: readonly OutcomeJson[];
    readonly otherwise: readonly OutcomeJson[];
  };
}

export interface PacketTraceJson {
  /** The mode of a compiled program, or which dumps were read. */
  readonly program: string;
  readonly flow: { readonly protocol: string; readonly from: string; readonly to: string };
  /** Empty: a process of the node sends it. */
  readonly inInterface: string;
  /** The service that the client asks for; only where a cluster was given. */
  readonly service?: string;
  readonly outcomes: readonly OutcomeJson[];
  /** The endpoint to which conntrack still sends the flow, though no rule does, and where a new flow would go. */
  readonly stale?: { readonly to: string; readonly instead: readonly OutcomeJson[] };
  readonly reasons: readonly string[];
  readonly assumptions: readonly string[];
  /** Rules that were not understood, and made no difference. */
  readonly notUnderstood: readonly Doubt[];
}

/** What a trace is about, besides the packet. */
export interface TraceSubject {
  readonly program: string;
  readonly service: string | undefined;
  /** Why it is not otherwise, in words. */
  readonly reasons: readonly string[];
}

export function packetTraceJson(trace: PacketTrace, { program, service, reasons }: TraceSubject): PacketTraceJson {
  const { head, inInterface, outcomes, stale, assumptions, harmless } = trace;
  return {
    program,
    flow: {
      protocol: protocolText(head.proto),
      from: endpointText({ ip: head.src, port: head.srcPort }),
      to: endpointText({ ip: head.dst, port: head.dstPort }),
    },
    inInterface,
    ...(service === undefined ? {} : { service }),
    outcomes: outcomes.map(outcomeJson),
    ...(stale === undefined ? {} : { stale: { to: endpointText(stale.to), instead: stale.instead.map(outcomeJson) } }),
    reasons,
    assumptions,
    notUnderstood: harmless,
  };
}

function outcomeJson(outcome: PacketOutcome): OutcomeJson {
  const { verdict, to, source, by, path, back, doubt, ways, probability, exact } = outcome;
  const isStopped = verdict === "drop" || verdict === "reject" || verdict === "undecided";
  const sticksSeconds = path.find((step) => step.sticksSeconds !== undefined)?.sticksSeconds;
  const sourcePort = endpointText(source).slice(endpointText({ ip: source.ip, port: 0 }).length + 1);
  return {
    probability: formatFraction(probability),
    exact: formatFraction(exact),
    verdict,
    ...(isStopped
      ? {}
      : { to: endpointText(to), source: formatIp(source.ip), ...(sourcePort === "" ? {} : { sourcePort }) }),
    ...(by === "" ? {} : { by }),
    path,
    ...(sticksSeconds === undefined ? {} : { sticksSeconds }),
    ...(back === undefined ? {} : { back: backJson(back) }),
    ...(doubt === undefined
      ? {}
      : {
          undecided: {
            ...doubt,
            ifItHolds: (ways?.holds ?? []).map(outcomeJson),
            otherwise: (ways?.fails ?? []).map(outcomeJson),
          },
        }),
  };
}

function backJson({ verdict, from, to, by }: WayBack): NonNullable<OutcomeJson["back"]> {
  return { verdict, from: endpointText(from), to: endpointText(to), ...(by === "" ? {} : { by }) };
}
