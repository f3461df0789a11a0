import type { Model, NodeView } from "../../model/model.ts";
import type { UserspacePort } from "../../model/userspace-port.ts";
import { type Ip, type Ip4, isLoopback, sameIp } from "../../net/ip.ts";
import { type Claims, createClaims } from "./claims.ts";
import type { Forward, ForwardTable, Portal } from "./forward-table.ts";
import type { ResolvedUserspaceOptions } from "./options.ts";
import { allocateProxyPorts } from "./proxy-ports.ts";

/** Stands for all addresses of the node. */
const ANY = 0 as Ip4;

/**
 * Compiles the forwards of the userspace mode, one a service port: IPv4, ready endpoints, no policies.
 *
 * Of two service ports that claim one socket of the node the first in the model's order has it; of the other, kube-proxy
 * opens neither this way in nor those behind it: cluster IP, external IPs, load balancer, node port. Which of the two
 * comes first it leaves to chance.
 *
 * Source: kube-proxy 1.25, pkg/proxy/userspace/proxier.go, `mergeService`, `openPortal`.
 *
 * @throws {SluiceError} CONFIG_INVALID when the range of proxy ports has too few.
 */
export function compileUserspace({ node, userspacePorts }: Model, options: ResolvedUserspaceOptions): ForwardTable {
  const { bindIp, portRange, before } = options;
  const claims = createClaims();
  const opened = userspacePorts.map((port) => ({ port, ...openWaysIn(port, node, claims) }));
  const claimed = new Set(claims.all.map(({ addr }) => addr.port));
  const names = userspacePorts.map(({ name }) => name);
  const proxyPorts = allocateProxyPorts(names, portRange, claimed, before);
  const forwards = opened.map(({ port, portals, nodePort }): Forward => {
    const { name, proto, affinitySeconds, endpoints } = port;
    return { name, proto, proxyPort: proxyPorts.get(name)!, portals, nodePort, affinitySeconds, endpoints };
  });
  return { forwards, claims: claims.all, bindIp, hostIp: bindIp === ANY ? node.ip4 : bindIp };
}

/** The ways in of a service port, up to the first whose socket another one has. */
function openWaysIn(port: UserspacePort, node: NodeView, claims: Claims): Pick<Forward, "portals" | "nodePort"> {
  const { name, proto } = port;
  const portals: Portal[] = [];
  for (const portal of portalsOf(port)) {
    const open = !isLocal(portal.addr.ip, node) || claims.take({ name, proto, addr: portal.addr });
    if (!open) return { portals, nodePort: 0 };
    portals.push(portal);
  }
  const held = port.nodePort !== 0 && claims.take({ name, proto, addr: { ip: ANY, port: port.nodePort } });
  return { portals, nodePort: held ? port.nodePort : 0 };
}

/** In the order in which kube-proxy opens them. */
function portalsOf({ clusterIp, externalIps, loadBalancerIps, port }: UserspacePort): readonly Portal[] {
  return [
    { kind: "cluster-ip", addr: { ip: clusterIp, port } },
    ...externalIps.map((ip): Portal => ({ kind: "external-ip", addr: { ip, port } })),
    ...loadBalancerIps.map((ip): Portal => ({ kind: "load-balancer", addr: { ip, port } })),
  ];
}

function isLocal(ip: Ip, { addresses }: NodeView): boolean {
  return isLoopback(ip) || addresses.some((own) => sameIp(own, ip));
}
