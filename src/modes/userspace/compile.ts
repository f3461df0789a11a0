import type { Model } from "../../model/model.ts";
import type { UserspacePort } from "../../model/userspace-port.ts";
import { familyOf, type Ip } from "../../net/ip.ts";
import type { Forward, ForwardTable, Portal } from "./forward-table.ts";

/**
 * Compiles the forwards of the userspace mode, one a service port: IPv4, ready endpoints, no policies.
 *
 * Source: kube-proxy 1.25, pkg/proxy/userspace/proxier.go, `mergeService`, `openPortal`.
 */
export function compileUserspace({ node, userspacePorts }: Model): ForwardTable {
  const nodeIps = node.addresses.filter((ip) => familyOf(ip) === 4);
  return { forwards: userspacePorts.map((port) => forwardOf(port, nodeIps)) };
}

function forwardOf(port: UserspacePort, nodeIps: readonly Ip[]): Forward {
  const { name, proto, affinitySeconds, endpoints } = port;
  return { name, proto, portals: portalsOf(port, nodeIps), affinitySeconds, endpoints };
}

function portalsOf(port: UserspacePort, nodeIps: readonly Ip[]): readonly Portal[] {
  const onNode = port.nodePort === 0 ? [] : nodeIps;
  return [
    { kind: "cluster-ip", addr: { ip: port.clusterIp, port: port.port } },
    ...port.externalIps.map((ip): Portal => ({ kind: "external-ip", addr: { ip, port: port.port } })),
    ...port.loadBalancerIps.map((ip): Portal => ({ kind: "load-balancer", addr: { ip, port: port.port } })),
    ...onNode.map((ip): Portal => ({ kind: "node-port", addr: { ip, port: port.nodePort } })),
  ];
}
