import type { EndpointSlice, Service } from "../cluster/objects.ts";
import type { Family } from "../net/ip.ts";
import { categorizeEndpoints } from "./categorize.ts";
import { endpointsByPort, type SlicesByService } from "./endpoints.ts";
import { createHeldOrder, type Sorter } from "./held-order.ts";
import type { NodeView } from "./model.ts";
import { compareServicePorts } from "./order.ts";
import { createPlaceMemory, type PlaceMemory } from "./place-memory.ts";
import { portKey } from "./port.ts";
import type { Endpoint, ServicePort, ServicePortInfo } from "./service-port.ts";
import { hasClusterIp, servicePortInfos } from "./services.ts";
import { watchesService } from "./watched.ts";

export interface ServicePortMemory {
  /** What a Service came to the last time. */
  readonly ofService: PlaceMemory<Service, Remembered>;
  readonly sort: Sorter<ServicePort>;
}

interface Remembered {
  readonly slices: readonly EndpointSlice[];
  readonly node: NodeView;
  readonly ports: readonly ServicePort[];
}

const none: readonly EndpointSlice[] = [];

export function createServicePortMemory(): ServicePortMemory {
  return { ofService: createPlaceMemory(), sort: createHeldOrder<ServicePort>(compareServicePorts) };
}

/**
 * The service ports of one family as kube-proxy 1.36 sees them on a node, in order of name, then protocol.
 *
 * @param slices those of a Service that is not proxied are never looked at.
 * @param memory what is remembered of a Service with the same slices and node is used again.
 */
export function servicePorts(
  services: readonly Service[],
  slices: SlicesByService,
  family: Family,
  node: NodeView,
  { ofService, sort }: ServicePortMemory,
): readonly ServicePort[] {
  const ports: ServicePort[] = [];
  for (const [place, service] of services.entries()) {
    const { namespace, name } = service.metadata;
    const own = slices.get(namespace)?.get(name) ?? none;
    let known = ofService.get(service, place);
    if (known === undefined || known.node !== node || !sameItems(known.slices, own)) {
      known = { slices: own, node, ports: portsOfService(service, own, family, node) };
      ofService.set(service, place, known);
    }
    ports.push(...known.ports);
  }
  ofService.cut(services.length);
  return sort(ports);
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function portsOfService(
  service: Service,
  slices: readonly EndpointSlice[],
  family: Family,
  node: NodeView,
): readonly ServicePort[] {
  if (!watchesService(service) || !hasClusterIp(service)) return [];
  const infos = servicePortInfos(service, family);
  if (infos.length === 0) return [];
  const endpoints = endpointsByPort(slices, family, node.name);
  return infos.map((info) => servicePort(info, endpoints.get(portKey(info.portName, info.proto)) ?? [], node));
}

function servicePort(info: ServicePortInfo, endpoints: readonly Endpoint[], node: NodeView): ServicePort {
  const { internalLocal, externalLocal } = info;
  // The addresses of this family decide here: a Service may be reachable from outside in the other family only.
  const externallyAccessible = info.nodePort !== 0 || info.loadBalancerIps.length > 0 || info.externalIps.length > 0;
  // Even under policy Local, pods and the node itself reach outside addresses by way of all endpoints.
  const usesClusterEndpoints = !internalLocal || externallyAccessible;
  const usesLocalEndpoints = internalLocal || (externalLocal && externallyAccessible);
  const uses = { usesClusterEndpoints, usesLocalEndpoints };
  const { clusterEndpoints, localEndpoints, reachable, hasAny } = categorizeEndpoints(endpoints, uses, node);
  const hasLocal = localEndpoints.length > 0;
  return {
    endpoints,
    clusterEndpoints,
    localEndpoints,
    reachable,
    hasAny,
    hasInternal: hasAny && (hasLocal || !internalLocal),
    hasExternal: hasAny && (hasLocal || !externalLocal),
    externallyAccessible,
    usesClusterEndpoints,
    usesLocalEndpoints,
    ...info,
  };
}
