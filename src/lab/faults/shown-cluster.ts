import type { EndpointSlice, SliceEndpoint } from "../../cluster/objects.ts";
import type { ClusterSnapshot } from "../../cluster/state.ts";
import type { ServicePort } from "../../model/service-port.ts";
import { formatIp } from "../../net/ip.ts";
import { usableEndpoints } from "../choose-service.ts";
import { withStandIns } from "../stand-ins.ts";
import type { EndpointProcess } from "./endpoint-processes.ts";

/** An endpoint as the cluster shows it. */
export interface ShownEndpoint {
  readonly process: EndpointProcess;
  /** It is to end: no new connections while there are others. @default false */
  readonly terminating?: boolean;
}

/** The cluster with these endpoints, and no others, behind a service port. @param shown any number. */
export function showEndpoints(
  snapshot: ClusterSnapshot,
  port: ServicePort,
  shown: readonly ShownEndpoint[],
): ClusterSnapshot {
  const known = usableEndpoints(port);
  const addrs = shown.map(({ process }) => process.addr);
  // They take the places of those that the cluster has, in turn.
  const endpoints = shown.map((_, at) => known[at % known.length]!);
  const seen = withStandIns(snapshot, [{ port, endpoints, addrs, backends: [] }]);
  const ending = new Set(
    shown.filter((one) => one.terminating === true).map(({ process }) => formatIp(process.addr.ip)),
  );
  return { ...seen, endpointSlices: seen.endpointSlices.map((slice) => withEnding(slice, ending)) };
}

/** @param ending addresses of endpoints that are to end. */
function withEnding(slice: EndpointSlice, ending: ReadonlySet<string>): EndpointSlice {
  const conditions = { ready: false, serving: true, terminating: true };
  const isEnding = ({ addresses }: SliceEndpoint): boolean => addresses.some((address) => ending.has(address));
  if (!slice.endpoints.some(isEnding)) return slice;
  // A slice of ours holds one endpoint.
  return { ...slice, endpoints: [{ ...slice.endpoints[0]!, conditions }] };
}
