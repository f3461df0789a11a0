import type { NodeView } from "./model.ts";
import type { Endpoint } from "./service-port.ts";

/** Whether an endpoint is near enough to take traffic of policy Cluster from this node. */
export type Nearness = (endpoint: Endpoint) => boolean;

/**
 * Reads the hints of a service port's endpoints. Only ready ones count, and hints count only when every ready
 * endpoint has some and at least one names this node, or else this node's zone.
 *
 * @returns undefined when every endpoint is near enough.
 */
export function nearness(endpoints: readonly Endpoint[], { name, zone }: NodeView): Nearness | undefined {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const sameNode = ({ nodeHints }: Endpoint): boolean => nodeHints.includes(name);
  const sameZone = ({ zoneHints }: Endpoint): boolean => zoneHints.includes(zone);
  if (ready.every(({ nodeHints }) => nodeHints.length > 0) && ready.some(sameNode)) return sameNode;
  if (ready.every(({ zoneHints }) => zoneHints.length > 0) && ready.some(sameZone)) return sameZone;
  return undefined;
}
