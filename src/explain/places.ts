import type { IptablesRuleset, Match } from "../modes/iptables/ruleset.ts";
import { type Protocol, type SocketAddr, tryParseProtocol } from "../net/flow.ts";
import { familyOf, sameIp } from "../net/ip.ts";
import type { NodeParts } from "./assemble-node.ts";

/** Where clients reach a service port. */
export interface Place {
  /** Empty where neither a cluster nor a comment names it. */
  readonly name: string;
  readonly proto: Protocol;
  readonly addr: SocketAddr;
}

/** Chains whose rules have addresses and ports of services; the last two of the userspace mode. */
const chainNames: ReadonlySet<string> = new Set([
  "KUBE-SERVICES",
  "KUBE-EXTERNAL-SERVICES",
  "KUBE-PORTALS-CONTAINER",
  "KUBE-PORTALS-HOST",
]);

/** Addresses and ports that the rules themselves send on: of iptables, of kube-proxy's maps in nftables, of IPVS. */
export function placesOf({ iptables = [], nftables, servers = [] }: NodeParts): readonly Place[] {
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
    .filter(({ name }) => chainNames.has(name))
    .flatMap(({ rules }) => rules);
  return rules.flatMap(({ matches }) => placeOfMatches(matches));
}

/** The service that the rules of iptables send on from an address and port; undefined: none do. */
export function ruledPlace({ iptables = [] }: NodeParts, proto: number, { ip, port }: SocketAddr): Place | undefined {
  for (const { tables } of iptables) {
    const chain = tables.find(({ name }) => name === "nat")?.chains.find(({ name }) => name === "KUBE-SERVICES");
    for (const { matches, target } of chain?.rules ?? []) {
      if (target?.kind !== "jump" || target.chain === "KUBE-MARK-MASQ") continue;
      const [place] = placeOfMatches(matches);
      if (place?.proto === proto && place.addr.port === port && sameIp(place.addr.ip, ip)) return place;
    }
  }
  return undefined;
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
export function commentOf(matches: readonly Match[]): string {
  const comment = matches.find((match) => match.kind === "comment");
  return comment?.kind === "comment" ? (comment.text.split(" ")[0] ?? "") : "";
}

function placeOfKey([ip, proto, port]: readonly { readonly kind: string }[]): readonly Place[] {
  const parts = [ip, proto, port] as readonly (Record<string, unknown> | undefined)[];
  const [address, name, number] = [parts[0]?.["ip"], parts[1]?.["text"], parts[2]?.["value"]];
  const known = typeof name === "string" ? tryParseProtocol(name) : undefined;
  if (address === undefined || known === undefined || typeof number !== "number") return [];
  return [{ name: "", proto: known, addr: { ip: address as SocketAddr["ip"], port: number } }];
}
