import type { EndpointSlice, ProtocolName, SliceEndpoint } from "../cluster/objects.ts";
import type { ClusterSnapshot } from "../cluster/state.ts";
import { isSluiceError } from "../core/errors.ts";
import { type EchoBackends, startEchoBackends } from "../measure/echo/backends.ts";
import type { BackendSpec } from "../measure/echo/echo.ts";
import type { Endpoint, ServicePort } from "../model/service-port.ts";
import { protocolName, type SocketAddr } from "../net/flow.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import { type ChosenPorts, usableEndpoints } from "./choose-service.ts";

/** A service port whose endpoints have echo backends of this host in their place. */
export interface StandIns {
  readonly port: ServicePort;
  /** As the cluster has them, in its order. */
  readonly endpoints: readonly Endpoint[];
  /** Where the backend of each listens. */
  readonly addrs: readonly SocketAddr[];
  /** The number of each in the thread that runs them. */
  readonly backends: readonly number[];
}

export interface StartedStandIns {
  readonly tcp: StandIns | undefined;
  readonly udp: StandIns | undefined;
  readonly echoes: EchoBackends;
}

/** Where stand-ins listen. */
export interface StandInPlace {
  /** The first two octets of their addresses, by protocol. */
  readonly prefixes: readonly [string, string];
  /** A network namespace by name; undefined: the one that we are in. */
  readonly netns: string | undefined;
}

/** All of 127.0.0.0/8 is this host's. */
export const onLoopback: StandInPlace = { prefixes: ["127.10", "127.11"], netns: undefined };

/** The addresses of the stand-ins for the service ports to measure, in their order. */
export function standInAddresses(chosen: ChosenPorts, place: StandInPlace): readonly string[] {
  return backendSpecs(chosen, place).map(({ host }) => host);
}

/**
 * Starts an echo backend for each endpoint of the service ports to measure, each on an address of its own, all in one
 * thread: on the endpoint's own port where that is free and allowed, else on one that the system chooses.
 *
 * @throws {SluiceError} HOST_UNABLE where the place does not have the addresses.
 */
export async function startStandIns(chosen: ChosenPorts, place = onLoopback): Promise<StartedStandIns> {
  const { tcp, udp } = chosen;
  const endpoints = [tcp, udp].filter((port) => port !== undefined).flatMap(usableEndpoints);
  const specs = backendSpecs(chosen, place);
  const echoes = await startOnOwnPorts(specs, place.netns);
  const addrs = specs.map(({ host }, at) => ({ ip: parseIp(host), port: echoes.ports[at]! }));
  const standInsOf = (port: ServicePort | undefined, first: number): StandIns | undefined => {
    if (port === undefined) return undefined;
    const count = usableEndpoints(port).length;
    const backends = Array.from({ length: count }, (_, at) => first + at);
    return {
      port,
      endpoints: endpoints.slice(first, first + count),
      addrs: addrs.slice(first, first + count),
      backends,
    };
  };
  const tcpCount = tcp === undefined ? 0 : usableEndpoints(tcp).length;
  return { tcp: standInsOf(tcp, 0), udp: standInsOf(udp, tcpCount), echoes };
}

async function startOnOwnPorts(specs: readonly BackendSpec[], netns: string | undefined): Promise<EchoBackends> {
  try {
    return await startEchoBackends(specs, netns);
  } catch (error) {
    if (!isSluiceError(error, "HOST_UNABLE")) throw error;
    return startEchoBackends(
      specs.map((spec) => ({ ...spec, port: 0 })),
      netns,
    );
  }
}

/** Addresses of three digits an octet: as texts, by which kube-proxy sorts, they keep the order of the endpoints. */
const FIRST_OCTET = 100;
const ADDRESSES_AN_OCTET = 155;

function backendSpecs({ tcp, udp }: ChosenPorts, { prefixes }: StandInPlace): BackendSpec[] {
  const ports = [tcp, udp].filter((port) => port !== undefined);
  return ports.flatMap((port, group) =>
    usableEndpoints(port).map((one, at) => backendSpec(port, prefixes[group]!, one, at)),
  );
}

function backendSpec({ proto }: ServicePort, prefix: string, { addr }: Endpoint, at: number): BackendSpec {
  const third = FIRST_OCTET + Math.floor(at / ADDRESSES_AN_OCTET);
  const host = `${prefix}.${third}.${FIRST_OCTET + (at % ADDRESSES_AN_OCTET)}`;
  return { protocol: protocolName(proto) === "udp" ? "udp" : "tcp", host, port: addr.port };
}

/**
 * The cluster with the stand-ins in place of the endpoints of the measured service ports, ready and without hints, so
 * that every mode sees the same ones. Everything else stays as it is.
 */
export function withStandIns(snapshot: ClusterSnapshot, standIns: readonly StandIns[]): ClusterSnapshot {
  const measured = new Map(
    standIns.map((one) => [serviceKey(one.port), standIns.filter((other) => sameService(one, other))]),
  );
  return {
    ...snapshot,
    endpoints: snapshot.endpoints.filter(({ metadata }) => !measured.has(`${metadata.namespace}/${metadata.name}`)),
    endpointSlices: [
      ...snapshot.endpointSlices.map((slice) => withoutPorts(slice, measured.get(sliceKey(slice)) ?? [])),
      ...standIns.flatMap(slicesOf),
    ],
  };
}

const SERVICE_NAME = "kubernetes.io/service-name";

function serviceKey({ namespace, service }: ServicePort): string {
  return `${namespace}/${service}`;
}

function sliceKey({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.labels[SERVICE_NAME]}`;
}

function sameService(a: StandIns, b: StandIns): boolean {
  return serviceKey(a.port) === serviceKey(b.port);
}

function withoutPorts(slice: EndpointSlice, gone: readonly StandIns[]): EndpointSlice {
  const isGone = ({ name, protocol = "TCP" }: EndpointSlice["ports"][number]): boolean =>
    gone.some(({ port }) => port.portName === (name ?? "") && protocolOf(port) === protocol);
  return { ...slice, ports: slice.ports.filter((port) => !isGone(port)) };
}

/** A slice an endpoint, since all endpoints of a slice have the same port. */
function slicesOf({ port, endpoints, addrs }: StandIns): EndpointSlice[] {
  return addrs.map((addr, at): EndpointSlice => {
    const { nodeName } = endpoints[at]!;
    const conditions = { ready: true, serving: true, terminating: false };
    const place: Pick<SliceEndpoint, "nodeName"> = nodeName === undefined ? {} : { nodeName };
    return {
      kind: "EndpointSlice",
      metadata: {
        namespace: port.namespace,
        name: `stand-in-${port.service}-${port.portName}-${protocolOf(port).toLowerCase()}-${at}`,
        labels: { [SERVICE_NAME]: port.service },
        annotations: {},
      },
      addressType: "IPv4",
      ports: [{ name: port.portName, protocol: protocolOf(port), port: addr.port }],
      endpoints: [{ addresses: [formatIp(addr.ip)], conditions, hints: {}, ...place }],
    };
  });
}

function protocolOf({ proto }: ServicePort): ProtocolName {
  return protocolName(proto) === "udp" ? "UDP" : "TCP";
}
