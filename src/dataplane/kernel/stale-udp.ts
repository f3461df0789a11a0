import { formatSocketAddr } from "../../net/flow.ts";
import type { UdpService } from "../dataplane.ts";
import type { ConntrackFlow } from "./conntrack-list.ts";

/**
 * The UDP flows that go where no endpoint serves any more, or that met no rule when they began: their next datagram
 * must be decided anew, since a client that never stops sending would send there for ever.
 *
 * A flow is known by its first destination: an address of a service, or the number of a node port, whatever the
 * address; so a flow through this host to another one's port of that number is stale too. Services without serving
 * endpoints keep their flows.
 *
 * Source: kube-proxy 1.36, pkg/proxy/conntrack/cleanup.go, `CleanStaleEntries`.
 */
export function staleUdpFlows(flows: readonly ConntrackFlow[], services: readonly UdpService[]): ConntrackFlow[] {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const { addrs, nodePort, endpoints } of services) {
    if (endpoints.length === 0) continue;
    const serving = new Set(endpoints.map(formatSocketAddr));
    for (const addr of addrs) byAddress.set(formatSocketAddr(addr), serving);
    if (nodePort !== 0) byNodePort.set(nodePort, serving);
  }
  return flows.filter(({ original, reply }) => {
    const answering = formatSocketAddr(reply.src);
    const leftBy = (serving: ReadonlySet<string> | undefined): boolean =>
      serving !== undefined && !serving.has(answering);
    return leftBy(byAddress.get(formatSocketAddr(original.dst))) || leftBy(byNodePort.get(original.dst.port));
  });
}
