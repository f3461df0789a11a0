import type { Frontend } from "../dataplane/dataplane.ts";
import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import { type Flow, formatSocketAddr, protocolName, type SocketAddr } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import type { NodeParts } from "./assemble-node.ts";
import { endpointText } from "./gather.ts";
import { type Place, placesOf } from "./places.ts";
import type { PacketTrace, TracePacketOptions } from "./trace-packet.ts";

/** A place at which clients reach a service, and what becomes of the client's packet to it. */
export interface ServiceAnswer extends Place {
  readonly trace: PacketTrace;
}

export interface ListOptions {
  readonly frontends: readonly Frontend[];
  /** What services are found in, where no cluster names them. */
  readonly parts: NodeParts;
  readonly client: SocketAddr;
  readonly inInterface: string | undefined;
}

/**
 * Traces a packet of the client to every service port of its family, in order of name and address.
 *
 * @param trace of one packet.
 */
export function listServices(
  trace: (flow: Flow, options: TracePacketOptions) => PacketTrace,
  { frontends, parts, client, inInterface }: ListOptions,
): readonly ServiceAnswer[] {
  const named = frontends.map(({ servicePort, proto, addr }) => ({ name: servicePort, proto, addr }));
  const places = named.length > 0 ? named : placesOf(parts);
  const distinct = new Map(places.map((place) => [placeKey(place), place]));
  return [...distinct.values()]
    .filter(({ addr }) => familyOf(addr.ip) === familyOf(client.ip))
    .map(({ name, proto, addr }) => {
      const flow = { proto, src: client.ip, srcPort: client.port, dst: addr.ip, dstPort: addr.port };
      return { name, proto, addr, trace: trace(flow, inInterface === undefined ? {} : { inInterface }) };
    });
}

function placeKey({ proto, addr }: Place): string {
  return `${proto} ${formatSocketAddr(addr)}`;
}

/** One line a service port. */
export function renderServices(answers: readonly ServiceAnswer[]): string {
  const lines = answers.map(({ name, proto, addr, trace }) => {
    const place = `${protocolName(proto)} ${formatSocketAddr(addr)}`;
    return `${place.padEnd(32)} ${name.padEnd(32)} ${trace.outcomes.map(outcomeText).join(", ")}`.trimEnd();
  });
  return lines.length === 0 ? "no service port was found\n" : `${lines.join("\n")}\n`;
}

function outcomeText({ verdict, probability, to, by }: PacketTrace["outcomes"][number]): string {
  const share = formatFraction(probability);
  const end = verdict === "forward" || verdict === "local" || verdict === "pass" ? ` ${endpointText(to)}` : "";
  return `${share === "1" ? "" : `${share} `}${verdict}${end}${verdict === "undecided" ? ` (${by})` : ""}`;
}

/** The same for other programs. */
export function servicesJson(answers: readonly ServiceAnswer[]): readonly unknown[] {
  return answers.map(({ name, proto, addr, trace }) => ({
    service: name,
    protocol: protocolName(proto),
    at: formatSocketAddr(addr),
    outcomes: trace.outcomes.map(({ probability, verdict, to, by }) => ({
      probability: formatFraction(probability),
      verdict,
      ...(verdict === "forward" || verdict === "local" || verdict === "pass" ? { to: endpointText(to) } : {}),
      ...(by === "" ? {} : { by }),
    })),
  }));
}
