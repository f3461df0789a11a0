import type { Endpoints, Service } from "../cluster/objects.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { formatSocketAddr, SCTP, type SocketAddr } from "../net/flow.ts";
import { familyOf } from "../net/ip.ts";
import { ipOfFamily, ipsOfFamily } from "./families.ts";
import { createHeldOrder, type Sorter } from "./held-order.ts";
import { compareText } from "./order.ts";
import { createPlaceMemory, type PlaceMemory } from "./place-memory.ts";
import { portKey, readPort } from "./port.ts";
import type { ServicePort } from "./service-port.ts";
import { affinitySecondsOf, hasClusterIp } from "./services.ts";
import type { UserspacePort } from "./userspace-port.ts";
import { watchedByUserspaceMode } from "./watched.ts";

export interface UserspacePortMemory {
  /** What a Service came to the last time. */
  readonly ofService: PlaceMemory<Service, Remembered>;
  readonly sort: Sorter<UserspacePort>;
}

interface Remembered {
  readonly object: Endpoints | undefined;
  readonly ports4: readonly ServicePort[];
  readonly ports: readonly UserspacePort[];
}

export function createUserspacePortMemory(): UserspacePortMemory {
  return { ofService: createPlaceMemory(), sort: createHeldOrder((a, b) => compareText(a.name, b.name)) };
}

/** Ready addresses of a Service at a port. */
type Ready = (port: Pick<UserspacePort, "name" | "portName" | "proto">) => readonly SocketAddr[];

/**
 * Service ports as kube-proxy's userspace mode (up to 1.25) saw them: IPv4, no SCTP, ready addresses only, in order of
 * name. A port is known by its name alone, without the protocol; of two ports of one name the last counts.
 *
 * That kube-proxy reads v1 Endpoints. Where the cluster holds no Endpoints object for a Service, the ready endpoints of
 * its slices stand in, as kube-proxy of today reads them. That is ours: a cluster of today is rarely dumped with its
 * Endpoints.
 *
 * @param ports4Of the IPv4 service ports that a Service, which stands at that place, is to today's kube-proxy.
 * @param memory what is remembered of a Service with the same of both is used again.
 */
export function userspacePorts(
  { services, endpoints }: Pick<ClusterSnapshot, "services" | "endpoints">,
  ports4Of: (service: Service, place: number) => readonly ServicePort[],
  { ofService, sort }: UserspacePortMemory,
): readonly UserspacePort[] {
  const objects = new Map(endpoints.map((object) => [keyOf(object), object]));
  const ports = new Map<string, UserspacePort>();
  for (const [place, service] of services.entries()) {
    const object = objects.size === 0 ? undefined : objects.get(keyOf(service));
    const ports4 = ports4Of(service, place);
    let known = ofService.get(service, place);
    if (known === undefined || known.object !== object || known.ports4 !== ports4) {
      const ready = object === undefined ? readyInSlices(ports4) : readyInObject(object);
      known = { object, ports4, ports: portsOf(service, ready) };
      ofService.set(service, place, known);
    }
    for (const port of known.ports) ports.set(port.name, port);
  }
  ofService.cut(services.length);
  return sort([...ports.values()]);
}

function keyOf({ metadata }: Service | Endpoints): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function portsOf(service: Service, ready: Ready): readonly UserspacePort[] {
  const { metadata, spec, ingress } = service;
  if (!watchedByUserspaceMode(metadata) || !hasClusterIp(service)) return [];
  const clusterIp = ipOfFamily(spec.clusterIP ?? "", 4);
  if (clusterIp === undefined) return [];
  const shared = {
    clusterIp,
    externalIps: ipsOfFamily(spec.externalIPs ?? [], 4),
    // Whatever their ipMode, which is younger than this mode.
    loadBalancerIps: ipsOfFamily(ingress.map(textOfIp), 4),
    affinitySeconds: affinitySecondsOf(service),
  };
  const ports = spec.ports.map((port) => readPort(metadata, port, shared)).filter(({ proto }) => proto !== SCTP);
  return ports.map((port) => Object.assign(port, { endpoints: ready(port) }));
}

/** Matches by port name alone; each address once, sorted by text. */
function readyInObject({ metadata, subsets }: Endpoints): Ready {
  if (!watchedByUserspaceMode(metadata)) return () => [];
  return ({ portName }) => {
    const byText = new Map<string, SocketAddr>();
    for (const { addresses, ports } of subsets) {
      for (const { name = "", port } of ports) {
        if (name !== portName || port === 0) continue;
        for (const ip of ipsOfFamily(addresses.map(textOfIp), 4))
          byText.set(formatSocketAddr({ ip, port }), { ip, port });
      }
    }
    return [...byText].sort(([a], [b]) => compareText(a, b)).map(([, addr]) => addr);
  };
}

function readyInSlices(ports4: readonly ServicePort[]): Ready {
  const byKey = new Map(ports4.map((port) => [portKey(port.name, port.proto), port]));
  return ({ name, proto }) => {
    const endpoints = byKey.get(portKey(name, proto))?.endpoints ?? [];
    return endpoints.filter(({ ready }) => ready).flatMap(({ addr }) => (familyOf(addr.ip) === 4 ? [addr] : []));
  };
}

function textOfIp({ ip = "" }: { readonly ip?: string }): string {
  return ip;
}
