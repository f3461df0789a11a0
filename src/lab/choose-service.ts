import { configInvalid } from "../core/errors.ts";
import type { Model } from "../model/model.ts";
import type { Endpoint, ServicePort } from "../model/service-port.ts";
import { type Protocol, TCP, UDP } from "../net/flow.ts";

/** The service ports to measure; undefined where the cluster has none of that protocol that could be measured. */
export interface ChosenPorts {
  readonly tcp: ServicePort | undefined;
  readonly udp: ServicePort | undefined;
}

/**
 * Chooses the IPv4 service ports to measure: of each protocol the one with the most usable endpoints, of several the
 * first by name. Ports with session affinity are passed over, since their clients stay where they are; so are ports that
 * share their name with one of another protocol, which the userspace mode cannot tell apart.
 *
 * @param service `namespace/name` or `namespace/name:port` chooses among these only, with or without affinity.
 * @throws {SluiceError} CONFIG_INVALID, naming `service`, or `snapshot` where none was asked for, when there is nothing
 *   to measure.
 */
export function chooseServicePorts({ servicePorts }: Model, service?: string): ChosenPorts {
  const usable = servicePorts[4].filter(
    (port) => usableEndpoints(port).length > 0 && nameIsUnique(port, servicePorts[4]),
  );
  const candidates = usable.filter((port) =>
    service === undefined ? port.affinitySeconds === 0 : goesBy(port, service),
  );
  const chosen = { tcp: largest(candidates, TCP), udp: largest(candidates, UDP) };
  if (chosen.tcp === undefined && chosen.udp === undefined) throw nothingToMeasure(usable, service);
  return chosen;
}

function nothingToMeasure(usable: readonly ServicePort[], service: string | undefined): Error {
  const names = usable.map(({ name }) => name).join(", ");
  const measurable = "a service with ready IPv4 endpoints";
  if (service !== undefined) return configInvalid("service", `${measurable} (${names || "there is none"})`, service);
  const affine = names === "" ? "none" : `only some with session affinity, to be named one by one: ${names}`;
  return configInvalid("snapshot", measurable, affine);
}

/** The endpoints that take traffic sent to the cluster IP from this node. */
export function usableEndpoints({ internalLocal, localEndpoints, clusterEndpoints }: ServicePort): readonly Endpoint[] {
  return internalLocal ? localEndpoints : clusterEndpoints;
}

function nameIsUnique({ name, proto }: ServicePort, ports: readonly ServicePort[]): boolean {
  return !ports.some((other) => other.name === name && other.proto !== proto);
}

function goesBy({ name, namespace, service }: ServicePort, given: string): boolean {
  return name === given || `${namespace}/${service}` === given;
}

function largest(ports: readonly ServicePort[], proto: Protocol): ServicePort | undefined {
  const ofProto = ports.filter((port) => port.proto === proto);
  // Ports come in order of name; a later one has to have more.
  return ofProto.reduce<ServicePort | undefined>(
    (best, port) => (best === undefined || usableEndpoints(port).length > usableEndpoints(best).length ? port : best),
    undefined,
  );
}
