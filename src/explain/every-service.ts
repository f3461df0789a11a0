import type { Frontend } from "../dataplane/dataplane.ts";
import { formatFraction } from "../dataplane/emulated/netfilter/fraction.ts";
import type { EmulatedNode } from "../dataplane/emulated/netfilter/node.ts";
import type { IptablesRuleset, Match } from "../modes/iptables/ruleset.ts";
import { formatSocketAddr, type Protocol, protocolName, type SocketAddr } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import type { NodeParts } from "./assemble-node.ts";
import { endpointText } from "./gather.ts";
import { type PacketTrace, tracePacket } from "./trace-packet.ts";

/** A place at which clients reach a service, and what becomes of the client's packet to it. */
export interface ServiceAnswer {
  /** Empty where no cluster was given. */
  readonly name: string;
  readonly proto: Protocol;
  readonly addr: SocketAddr;
  readonly trace: PacketTrace;
}

export interface ListOptions {
  readonly frontends: readonly Frontend[];
  /** What services are found in, where no cluster names them. */
  readonly parts: NodeParts;
  readonly client: SocketAddr;
  readonly inInterface: string | undefined;
}

type Place = Pick<ServiceAnswer, "name" | "proto" | "addr">;

/** Traces a packet of the client to every service port of its family, in order of name and address. */
export function listServices(
  node: EmulatedNode,
  { frontends, parts, client, inInterface }: ListOptions,
): readonly ServiceAnswer[] {
  const named = frontends.map(({ servicePort, proto, addr }) => ({ name: servicePort, proto, addr }));
  const places = named.length > 0 ? named : placesOf(parts);
  const distinct = new Map(places.map((place) => [placeKey(place), place]));
  return [...distinct.values()]
    .filter(({ addr }) => familyOf(addr.ip) === familyOf(client.ip))
    .map(({ name, proto, addr }) => {
      const flow = { proto, src: client.ip, srcPort: client.port, dst: addr.ip, dstPort: addr.port };
      return { name, proto, addr, trace: tracePacket(node, flow, inInterface === undefined ? {} : { inInterface }) };
    });
}

function placeKey({ proto, addr }: Place): string {
  return `${proto} ${formatSocketAddr(addr)}`;
}

/** Addresses and ports that the rules themselves send on: of iptables, of kube-proxy's maps in nftables, of IPVS. */
function placesOf({ iptables = [], nftables, servers = [] }: NodeParts): readonly Place[] {
  const inMaps = (nftables?.tables ?? []).flatMap(({ sets }) =>
    sets
      .filter(({ name }) => name === "service-ips" || name === "no-endpoint-services")
      .flatMap(({ elements }) => elements),
  );
  return [
    ...iptables.flatMap(placesInRules),
    ...inMaps.flatMap(({ key }) => (key.kind === "concat" ? placeOfKey(key.parts) : [])),
    ...servers.flatMap((server) => ("fwmark" in server ? [] : [{ name: "", proto: server.proto, addr: server.addr }])),
  ];
}

function placesInRules({ tables }: IptablesRuleset): readonly Place[] {
  const rules = tables
    .flatMap(({ chains }) => chains)
    .filter(({ name }) => name === "KUBE-SERVICES" || name === "KUBE-EXTERNAL-SERVICES")
    .flatMap(({ rules }) => rules);
  return rules.flatMap(({ matches }) => placeOfMatches(matches));
}

function placeOfMatches(matches: readonly Match[]): readonly Place[] {
  const destination = matches.find((match) => match.kind === "destination");
  const port = matches.find((match) => match.kind === "destination-port");
  if (destination?.kind !== "destination" || port?.kind !== "destination-port") return [];
  if (destination.not === true || port.not === true) return [];
  const { base, bits } = destination.range;
  if (bits !== (familyOf(base) === 4 ? 32 : 128)) return [];
  return [{ name: commentOf(matches), proto: port.proto, addr: { ip: base, port: port.port } }];
}

/** kube-proxy writes the name of the service port first. */
function commentOf(matches: readonly Match[]): string {
  const comment = matches.find((match) => match.kind === "comment");
  return comment?.kind === "comment" ? (comment.text.split(" ")[0] ?? "") : "";
}

const protocols: Readonly<Record<string, Protocol>> = { tcp: 6, udp: 17, sctp: 132 };

function placeOfKey([ip, proto, port]: readonly { readonly kind: string }[]): readonly Place[] {
  const parts = [ip, proto, port] as readonly (Record<string, unknown> | undefined)[];
  const [address, name, number] = [parts[0]?.["ip"], parts[1]?.["text"], parts[2]?.["value"]];
  const known = typeof name === "string" ? protocols[name] : undefined;
  if (address === undefined || known === undefined || typeof number !== "number") return [];
  return [{ name: "", proto: known, addr: { ip: address as SocketAddr["ip"], port: number } }];
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
