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

/**
 * Starts an echo backend for each endpoint of the service ports to measure, each on a loopback address of its own, all
 * in one thread: on the endpoint's own port where that is free and allowed, else on one that the system chooses.
 *
 * @throws {SluiceError} HOST_UNABLE where this host has no loopback addresses but 127.0.0.1.
 */
export async function startStandIns({ tcp, udp }: ChosenPorts): Promise<StartedStandIns> {
  const ports = [tcp, udp].filter((port) => port !== undefined);
  const endpoints = ports.flatMap(usableEndpoints);
  const specs = ports.flatMap((port, group) =>
    usableEndpoints(port).map((one, at) => backendSpec(port, group, one, at)),
  );
  const echoes = await startOnOwnPorts(specs);
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

async function startOnOwnPorts(specs: readonly BackendSpec[]): Promise<EchoBackends> {
  try {
    return await startEchoBackends(specs);
  } catch (error) {
    if (!isSluiceError(error, "HOST_UNABLE")) throw error;
    return startEchoBackends(specs.map((spec) => ({ ...spec, port: 0 })));
  }
}

/** Addresses of three digits an octet: as texts, by which kube-proxy sorts, they keep the order of the endpoints. */
const FIRST_OCTET = 100;
const ADDRESSES_AN_OCTET = 155;

function backendSpec({ proto }: ServicePort, group: number, { addr }: Endpoint, at: number): BackendSpec {
  const third = FIRST_OCTET + Math.floor(at / ADDRESSES_AN_OCTET);
  const host = `127.${10 + group}.${third}.${FIRST_OCTET + (at % ADDRESSES_AN_OCTET)}`;
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
