import type { ClusterObject, EndpointSlice, Endpoints, Node, Service, ServiceCidr } from "./objects.ts";

/** What the API server would have said at one moment: every object once, in the order first seen. */
export interface ClusterSnapshot {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly endpoints: readonly Endpoints[];
  readonly nodes: readonly Node[];
  readonly serviceCidrs: readonly ServiceCidr[];
}

export const emptySnapshot: ClusterSnapshot = Object.freeze({
  services: [],
  endpointSlices: [],
  endpoints: [],
  nodes: [],
  serviceCidrs: [],
});

/** Identity of an object: kind, namespace and name. */
export function objectKey({ kind, metadata }: ClusterObject): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

/** Gathers objects into a snapshot. Of two objects with the same identity the later one counts, as with `kubectl apply`. */
export function snapshotOf(objects: Iterable<ClusterObject>): ClusterSnapshot {
  const byKey = new Map<string, ClusterObject>();
  for (const object of objects) byKey.set(objectKey(object), object);
  const all = [...byKey.values()];
  return {
    services: all.filter((o) => o.kind === "Service"),
    endpointSlices: all.filter((o) => o.kind === "EndpointSlice"),
    endpoints: all.filter((o) => o.kind === "Endpoints"),
    nodes: all.filter((o) => o.kind === "Node"),
    serviceCidrs: all.filter((o) => o.kind === "ServiceCIDR"),
  };
}
