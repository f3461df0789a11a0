import { formatFraction, toNumber } from "../dataplane/emulated/netfilter/fraction.ts";
import { formatIp, sameIp } from "../net/ip.ts";
import { endpointText } from "./gather.ts";
import type { PacketOutcome, PathStep } from "./packet-outcome.ts";
import type { TraceSubject } from "./packet-trace-json.ts";
import { protocolText } from "./protocol-text.ts";
import type { PacketTrace } from "./trace-packet.ts";

/** A trace as text for a terminal: the answer first, then why, then the way by rules of the likeliest outcome. */
export function renderPacketTrace(trace: PacketTrace, subject: TraceSubject): string {
  const { head, inInterface, outcomes, assumptions, harmless } = trace;
  const from = endpointText({ ip: head.src, port: head.srcPort });
  const to = endpointText({ ip: head.dst, port: head.dstPort });
  const entry = inInterface === "" ? "sent by the node itself" : `in by ${inInterface}`;
  const likely = outcomes.toSorted((a, b) => toNumber(b.exact) - toNumber(a.exact));
  return [
    `${protocolText(head.proto)} ${from} -> ${to}, ${subject.program}, ${entry}`,
    "",
    summary(trace, subject.service),
    ...subject.reasons.map((reason) => `  ${reason}`),
    "",
    "outcomes:",
    ...likely.flatMap((outcome) => outcomeLines(trace, outcome, "")),
    "",
    likely.length > 1 ? "the way of the first of them:" : "the way:",
    ...pathLines(likely[0]?.path ?? []),
    ...(harmless.length === 0 ? [] : ["", "not understood, and of no consequence:"]),
    ...harmless.map(({ where, rule, why }) => `  ${where}: ${rule} (${why})`),
    ...(assumptions.length === 0 ? [] : ["", "taken for granted:", ...assumptions.map((text) => `  ${text}`)]),
    "",
  ].join("\n");
}

function summary({ head, outcomes }: PacketTrace, service: string | undefined): string {
  const forwards = outcomes.filter(({ verdict }) => verdict === "forward" || verdict === "local");
  const of = service === undefined ? "" : ` of ${service}`;
  if (forwards.length === outcomes.length && forwards.length > 1) {
    const [first] = forwards;
    const even = forwards.every(
      ({ probability }) => formatFraction(probability) === formatFraction(first!.probability),
    );
    return `goes to one of ${forwards.length} endpoints${of}${even ? `, each ${formatFraction(first!.probability)}` : ""}`;
  }
  const [only] = outcomes;
  if (outcomes.length !== 1 || only === undefined) return `may end in ${outcomes.length} ways${of}`;
  switch (only.verdict) {
    case "forward":
      return `goes to the one endpoint${of}: ${endpointText(only.to)}`;
    case "local":
      return `goes to whatever listens on this node at ${endpointText(only.to)}`;
    case "pass":
      return `no service's: routing takes it on${sameIp(only.source.ip, head.src) ? " as it is" : ", with another source"}`;
    case "reject":
      return `is refused${service === undefined ? "" : `: ${service}`}, and the client is told`;
    case "drop":
      return "is dropped: the client hears nothing";
    case "undecided":
      return "nobody can tell";
  }
}

function outcomeLines(trace: PacketTrace, outcome: PacketOutcome, indent: string): string[] {
  const { probability, verdict, to, source, by, back, doubt, ways } = outcome;
  const isStopped = verdict === "drop" || verdict === "reject" || verdict === "undecided";
  const end = isStopped ? by : `${endpointText(to)}, source ${sourceText(trace, source.ip)}`;
  const answer = answerText(back);
  const lines = [`${indent}${formatFraction(probability).padStart(8)}  ${verdict} ${end}${answer}`];
  if (doubt === undefined || ways === undefined) return lines;
  return [
    ...lines,
    `${indent}          by ${doubt.rule}`,
    `${indent}          if it holds:`,
    ...ways.holds.flatMap((one) => outcomeLines(trace, one, `${indent}        `)),
    `${indent}          otherwise:`,
    ...ways.fails.flatMap((one) => outcomeLines(trace, one, `${indent}        `)),
  ];
}

function answerText(back: PacketOutcome["back"]): string {
  if (back === undefined || back.verdict === "pass") return "";
  return back.verdict === "undecided"
    ? `; whether the answer comes back is undecided: ${back.by}`
    : `; the answer does not come back: ${back.verdict} ${back.by}`;
}

function sourceText({ head }: PacketTrace, ip: PacketOutcome["source"]["ip"]): string {
  return sameIp(ip, head.src) ? "kept" : formatIp(ip);
}

/** Steps under a heading for each chain. */
function pathLines(path: readonly PathStep[]): string[] {
  if (path.length === 0) return ["  no rule was met"];
  const lines: string[] = [];
  for (const [at, { hook, where, rule, effect, matched }] of path.entries()) {
    const heading = `${hook} ${where}`;
    const before = path[at - 1];
    if (before === undefined || `${before.hook} ${before.where}` !== heading) lines.push(heading);
    lines.push(`${matched ? "  * " : "    "}${rule}`);
    if (effect !== "") lines.push(`      => ${effect}`);
  }
  return lines;
}
