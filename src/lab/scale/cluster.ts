import { generateCluster } from "../../cluster/generate.ts";
import type { EndpointSlice } from "../../cluster/objects.ts";
import type { ClusterSnapshot } from "../../cluster/state.ts";
import { buildModel } from "../../model/build.ts";
import type { SocketAddr } from "../../net/flow.ts";
import { type StandIns, withStandIns } from "../stand-ins.ts";

/** Endpoints of each service. */
export const ENDPOINTS = 3;
/** Services that clients go to; fewer in a cluster of fewer than twice as many. */
const MOST_MEASURED = 10;

/** A cluster of many services, some of which have the stand-ins for endpoints. */
export interface ScaleCluster {
  readonly snapshot: ClusterSnapshot;
  readonly nodeName: string;
  /** Where clients go: evenly spread over the services in the order of the rules. */
  readonly targets: readonly SocketAddr[];
}

/**
 * Makes the same cluster for the same size, seed and stand-ins.
 *
 * @param services 2 or more. @param addrs where the stand-ins listen, one an endpoint.
 */
export function scaleCluster(services: number, seed: number, addrs: readonly SocketAddr[]): ScaleCluster {
  const plain = generateCluster({ services, endpointsPerService: ENDPOINTS, nodes: 10, seed });
  const nodeName = plain.nodes[0]!.metadata.name;
  // In the order of their names, which is that of the rules.
  const ports = buildModel(plain, nodeName).servicePorts[4];
  const count = Math.min(MOST_MEASURED, Math.ceil(services / 2));
  const measured = Array.from({ length: count }, (_, at) => ports[Math.floor(((at + 0.5) * ports.length) / count)]!);
  const standIns = measured.map((port): StandIns => {
    return { port, endpoints: port.clusterEndpoints, addrs, backends: addrs.map((_, at) => at) };
  });
  return {
    snapshot: withStandIns(plain, standIns),
    nodeName,
    targets: measured.map(({ clusterIp, port }) => ({ ip: clusterIp, port })),
  };
}

/**
 * The cluster with the last endpoint of one service gone, of those that nobody measures.
 *
 * @param number of the service, from 0; it comes round.
 */
export function withoutEndpoint(snapshot: ClusterSnapshot, number: number): ClusterSnapshot {
  // What stand-ins took the place of has no ports left.
  const isOther = ({ ports, endpoints }: EndpointSlice): boolean => ports.length > 0 && endpoints.length === ENDPOINTS;
  const others = snapshot.endpointSlices.flatMap((slice, at) => (isOther(slice) ? [at] : []));
  const gone = others[number % others.length]!;
  const shorten = (slice: EndpointSlice): EndpointSlice => ({ ...slice, endpoints: slice.endpoints.slice(0, -1) });
  return {
    ...snapshot,
    endpointSlices: snapshot.endpointSlices.map((slice, at) => (at === gone ? shorten(slice) : slice)),
  };
}
