import type { Frontend } from "../dataplane/dataplane.ts";
import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import type { PacketHead } from "../dataplane/emulated/netfilter/packet.ts";
import { type Flow, formatSocketAddr, protocolName, type SocketAddr } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import type { NodeParts } from "./assemble-node.ts";
import type { Emptiness } from "./emptiness.ts";
import { endpointText } from "./gather.ts";
import type { PacketOutcome } from "./packet-outcome.ts";
import { type Place, placesOf } from "./places.ts";
import { stopCause } from "./stop-reason.ts";
import type { PacketTrace, TracePacketOptions } from "./trace-packet.ts";

/** A place at which clients reach a service, and what becomes of the client's packet to it. */
export interface ServiceAnswer extends Place {
  readonly trace: PacketTrace;
  /** Why an outcome is a packet's end; undefined: it is not. */
  causeOf(outcome: PacketOutcome): string | undefined;
}

export interface ListOptions {
  readonly frontends: readonly Frontend[];
  /** What services are found in, where no cluster names them. */
  readonly parts: NodeParts;
  readonly client: SocketAddr;
  readonly inInterface: string | undefined;
  /** Why a virtual server has no real servers. */
  emptinessOf(head: PacketHead): Emptiness;
}

/**
 * Traces a packet of the client to every service port of its family, in order of name and address.
 *
 * @param trace of one packet.
 */
export function listServices(
  trace: (flow: Flow, options: TracePacketOptions) => PacketTrace,
  { frontends, parts, client, inInterface, emptinessOf }: ListOptions,
): readonly ServiceAnswer[] {
  const named = frontends.map(({ servicePort, proto, addr }) => ({ name: servicePort, proto, addr }));
  const places = named.length > 0 ? named : placesOf(parts);
  const distinct = new Map(places.map((place) => [placeKey(place), place]));
  return [...distinct.values()]
    .filter(({ addr }) => familyOf(addr.ip) === familyOf(client.ip))
    .map(({ name, proto, addr }) => {
      const flow = { proto, src: client.ip, srcPort: client.port, dst: addr.ip, dstPort: addr.port };
      const asked = { emptiness: () => emptinessOf(flow) };
      return {
        name,
        proto,
        addr,
        trace: trace(flow, inInterface === undefined ? {} : { inInterface }),
        causeOf: (outcome) => stopCause(flow, outcome, asked),
      };
    });
}

function placeKey({ proto, addr }: Place): string {
  return `${proto} ${formatSocketAddr(addr)}`;
}

/** What was taken for granted for any of them, in words. */
export function assumptionsOf(answers: readonly ServiceAnswer[]): readonly string[] {
  return [...new Set(answers.flatMap(({ trace }) => trace.assumptions))];
}

/** One line a service port, and what was taken for granted. */
export function renderServices(answers: readonly ServiceAnswer[]): string {
  const lines = answers.map(({ name, proto, addr, trace, causeOf }) => {
    const place = `${protocolName(proto)} ${formatSocketAddr(addr)}`;
    return `${place.padEnd(32)} ${name.padEnd(32)} ${trace.outcomes.map((one) => outcomeText(one, causeOf(one))).join(", ")}`.trimEnd();
  });
  const assumed = assumptionsOf(answers).map((text) => `  ${text}`);
  const end = assumed.length === 0 ? [] : ["", "taken for granted:", ...assumed];
  return lines.length === 0 ? "no service port was found\n" : `${[...lines, ...end].join("\n")}\n`;
}

function outcomeText({ verdict, probability, to, by }: PacketOutcome, cause: string | undefined): string {
  const why = verdict === "undecided" ? by : cause;
  const share = formatFraction(probability);
  const end = verdict === "forward" || verdict === "local" || verdict === "pass" ? ` ${endpointText(to)}` : "";
  return `${share === "1" ? "" : `${share} `}${verdict}${end}${why === undefined ? "" : ` (${why})`}`;
}

/** The same for other programs. */
export function servicesJson(answers: readonly ServiceAnswer[]): readonly unknown[] {
  return answers.map(({ name, proto, addr, trace, causeOf }) => ({
    service: name,
    protocol: protocolName(proto),
    at: formatSocketAddr(addr),
    outcomes: trace.outcomes.map((outcome) => outcomeJson(outcome, causeOf(outcome))),
  }));
}

function outcomeJson({ probability, verdict, to, by }: PacketOutcome, why: string | undefined): unknown {
  return {
    probability: formatFraction(probability),
    verdict,
    ...(verdict === "forward" || verdict === "local" || verdict === "pass" ? { to: endpointText(to) } : {}),
    ...(by === "" ? {} : { by }),
    ...(why === undefined ? {} : { why }),
  };
}
