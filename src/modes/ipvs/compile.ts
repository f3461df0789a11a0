import type { Model } from "../../model/model.ts";
import type { Endpoint, ServicePort } from "../../model/service-port.ts";
import { formatSocketAddr, type SocketAddr } from "../../net/flow.ts";
import type { Family } from "../../net/ip.ts";
import { compileSurroundings } from "./compile-surroundings.ts";
import { nodePortIps } from "./node-addresses.ts";
import type { ResolvedIpvsOptions } from "./options.ts";
import type { IpvsTables, RealServer, VirtualServer } from "./tables.ts";

/** A virtual address of a service port, and whether only endpoints of this node may answer there. */
interface Entrance {
  readonly addr: SocketAddr;
  readonly onlyLocal: boolean;
}

/**
 * Compiles the virtual servers of one family, and what a kernel needs around them: one virtual server for each address
 * at which a service port is reached, node ports with each of the node's addresses. A service port without endpoints
 * has virtual servers too: the kernel then answers that the port is unreachable.
 *
 * Of two service ports that claim one address, port and protocol the first in the model's order has it; kube-proxy
 * leaves that to chance.
 *
 * Source: kube-proxy, pkg/proxy/ipvs/proxier.go, `syncProxyRules`, `syncService`, `syncEndpoint`.
 */
export function compileIpvs(model: Model, family: Family, options: ResolvedIpvsOptions): IpvsTables {
  const nodeIps = nodePortIps(options, family, model.node);
  const flags = options.scheduler === "mh" ? ["mh-port"] : [];
  const virtualServers = new Map<string, VirtualServer>();
  for (const port of model.servicePorts[family]) {
    for (const { addr, onlyLocal } of entrances(port, nodeIps)) {
      const key = `${port.proto} ${formatSocketAddr(addr)}`;
      if (virtualServers.has(key)) continue;
      virtualServers.set(key, {
        addr,
        proto: port.proto,
        scheduler: options.scheduler,
        flags,
        persistenceSeconds: port.affinitySeconds,
        servers: realServers(port, onlyLocal),
        servicePort: port.name,
      });
    }
  }
  const around = compileSurroundings(model, family, options);
  return { family, virtualServers: [...virtualServers.values()], around };
}

function entrances(port: ServicePort, nodeIps: readonly SocketAddr["ip"][]): readonly Entrance[] {
  const onlyLocal = port.externalLocal;
  const outside = [...port.externalIps, ...port.loadBalancerIps].map((ip) => ({ ip, port: port.port }));
  const onNode = port.nodePort === 0 ? [] : nodeIps.map((ip) => ({ ip, port: port.nodePort }));
  return [
    { addr: { ip: port.clusterIp, port: port.port }, onlyLocal: port.internalLocal },
    ...[...outside, ...onNode].map((addr) => ({ addr, onlyLocal })),
  ];
}

/** With policy Local and no local endpoint all endpoints answer: nothing is dropped here, unlike in iptables mode. */
function realServers(port: ServicePort, onlyLocal: boolean): readonly RealServer[] {
  const local = onlyLocal ? port.localEndpoints : [];
  const usable: readonly Endpoint[] = local.length > 0 ? local : port.clusterEndpoints;
  return usable.map(({ addr }) => ({ addr, weight: 1 }));
}
