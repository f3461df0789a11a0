import type { Frontend } from "../dataplane/dataplane.ts";
import type { Routing } from "../dataplane/emulated/netfilter/host-node.ts";
import type { PacketHead } from "../dataplane/emulated/netfilter/packet.ts";
import type { ServicePort } from "../model/service-port.ts";
import { formatSocketAddr, protocolName, type SocketAddr } from "../net/flow.ts";
import { type Ip, sameIp } from "../net/ip.ts";
import { type NodeParts, VIRTUAL_INTERFACE } from "./assemble-node.ts";
import { type AskedPort, askedPort, emptinessInModel, emptinessInSets, isElsewhereInSets } from "./emptiness.ts";
import { hairpinText } from "./hairpin.ts";
import { lateRule } from "./late-rule.ts";
import { nodePortOf } from "./node-ports.ts";
import { type Place, placesOf, ruledPlace } from "./places.ts";
import type { AskedService } from "./reasons.ts";
import { serviceNames } from "./service-names.ts";

/** All that is known of services besides the packet's way. */
export interface KnownServices {
  readonly parts: NodeParts;
  readonly routing: Routing;
  /** Of the cluster; empty where none was given. */
  readonly frontends: readonly Frontend[];
  readonly servicePorts: readonly ServicePort[];
}

/** What is known of the service that a packet was sent to. */
export function askedService(
  { parts, routing, frontends, servicePorts }: KnownServices,
  head: PacketHead,
): AskedService {
  const addr = { ip: head.dst, port: head.dstPort };
  const asked = { proto: head.proto, addr };
  const port = askedPort(servicePorts, asked, routing.isLocal);
  const named = frontends.filter(({ kind }) => kind !== "node-port");
  const places = frontends.length === 0 ? placesOf(parts) : named.map(placeOfFrontend);
  const there = places.filter((place) => sameIp(place.addr.ip, head.dst));
  const isAsked = there.some((place) => place.proto === head.proto && place.addr.port === head.dstPort);
  return {
    name: serviceNames(frontends, routing.isLocal).nameOf(head.proto, addr),
    otherPorts: isAsked ? [] : there.map(placeText),
    ruled: () => {
      const place = ruledPlace(parts, head.proto, addr);
      return place && placeText(place);
    },
    isUnreached: () => !routing.isLocal(head.dst) && hasServer(parts, asked),
    isNodes: isOwn(routing, head.dst),
    nodePort: () => nodePortOf(parts, frontends, head.proto, head.dstPort),
    emptiness: () => {
      const known = port === undefined ? "either" : emptinessInModel(port);
      return known === "either" ? emptinessInSets(parts, asked) : known;
    },
    late: (trace, stopped) => lateRule(parts, trace, stopped),
    hairpin: (client) => hairpinText(routing, client),
    wayTo: (ip) => (parts.routes === undefined ? undefined : wayTo(routing, ip)),
    isElsewhere: (to) => (port === undefined ? isElsewhereInSets(parts, asked, to) : isElsewhere(port, to)),
  };
}

function isElsewhere({ port, isLocal }: AskedPort, { ip, port: number }: SocketAddr): boolean {
  const there = port.endpoints.find(({ addr }) => addr.port === number && sameIp(addr.ip, ip));
  return isLocal && there?.isLocal === false;
}

/** Of several next hops nobody knows which it will be. */
function wayTo(routing: Routing, ip: Ip): string | undefined {
  const route = routing.route(ip);
  return route?.type === "unicast" && route.hops === undefined ? route.device : undefined;
}

function placeOfFrontend({ servicePort, proto, addr }: Frontend): Place {
  return { name: servicePort, proto, addr };
}

function hasServer(
  { servers = [] }: NodeParts,
  { proto, addr }: { readonly proto: number; readonly addr: SocketAddr },
) {
  return servers.some(
    (server) =>
      "addr" in server && server.proto === proto && server.addr.port === addr.port && sameIp(server.addr.ip, addr.ip),
  );
}

function placeText({ name, proto, addr }: Place): string {
  return `${name === "" ? protocolName(proto) : name} at ${formatSocketAddr(addr)}`;
}

/** Whether an interface besides the one of virtual servers has the address. */
function isOwn({ node }: Routing, ip: Ip): boolean {
  return node.interfaces.some(
    ({ name, addresses }) => name !== VIRTUAL_INTERFACE && addresses.some((own) => sameIp(own.ip, ip)),
  );
}
