import type { NodeView } from "./model.ts";
import { compareText } from "./order.ts";
import type { Endpoint, ServicePort } from "./service-port.ts";
import { type Nearness, nearness } from "./topology.ts";

type Uses = Pick<ServicePort, "usesClusterEndpoints" | "usesLocalEndpoints">;
type Categories = Pick<ServicePort, "clusterEndpoints" | "localEndpoints" | "reachable" | "hasAny">;

/**
 * Which endpoints of a service port may take traffic from this node, by policy. A policy that the service port never
 * applies has none. Where no endpoint is ready, those that are terminating and still serve stand in, for each policy
 * on its own.
 *
 * Source: kube-proxy's CategorizeEndpoints; there `reachable` is in random order where it joins two lists.
 *
 * @param endpoints sorted by text; all lists of the result are sorted likewise.
 */
export function categorizeEndpoints(endpoints: readonly Endpoint[], uses: Uses, node: NodeView): Categories {
  const clusterEndpoints = uses.usesClusterEndpoints ? usable(endpoints, nearness(endpoints, node)) : [];
  const localEndpoints = uses.usesLocalEndpoints ? usable(endpoints.filter((endpoint) => endpoint.isLocal)) : [];
  return {
    clusterEndpoints,
    localEndpoints,
    reachable: union(clusterEndpoints, localEndpoints),
    hasAny: endpoints.some((endpoint) => endpoint.ready || servesWhileTerminating(endpoint)),
  };
}

function usable(endpoints: readonly Endpoint[], isNear?: Nearness): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready && (isNear?.(endpoint) ?? true));
  return ready.length > 0 ? ready : endpoints.filter(servesWhileTerminating);
}

function servesWhileTerminating({ serving, terminating }: Endpoint): boolean {
  return serving && terminating;
}

function union(cluster: readonly Endpoint[], local: readonly Endpoint[]): readonly Endpoint[] {
  if (local.length === 0) return cluster;
  const all = new Set([...cluster, ...local]);
  return all.size === cluster.length ? cluster : [...all].sort((a, b) => compareText(a.text, b.text));
}
