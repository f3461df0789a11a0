import type { Frontend, NodePlan } from "../dataplane/dataplane.ts";
import type { Model } from "../model/model.ts";
import type { Mode } from "../modes/program.ts";
import type { Protocol } from "../net/flow.ts";
import { type Family, familyOf, type Ip } from "../net/ip.ts";

/**
 * What a dataplane needs to know about this node besides the program: its addresses, and every address at which
 * clients reach a service, in order of name. A node port stands with the node's own address of each family.
 */
export function planNode(model: Model, mode: Mode): NodePlan {
  const ports = mode === "userspace" ? model.userspacePorts : [...model.servicePorts[4], ...model.servicePorts[6]];
  const nodeIps: Readonly<Record<Family, Ip>> = { 4: model.node.ip4, 6: model.node.ip6 };
  return { nodeAddresses: model.node.addresses, frontends: ports.flatMap((port) => frontendsOf(port, nodeIps)) };
}

/** What both kinds of service port have in common. */
interface Addressed {
  readonly name: string;
  readonly proto: Protocol;
  readonly clusterIp: Ip;
  readonly port: number;
  readonly nodePort: number;
  readonly externalIps: readonly Ip[];
  readonly loadBalancerIps: readonly Ip[];
}

function frontendsOf(port: Addressed, nodeIps: Readonly<Record<Family, Ip>>): Frontend[] {
  const at = (kind: Frontend["kind"], ip: Ip, number = port.port): Frontend => ({
    servicePort: port.name,
    kind,
    proto: port.proto,
    addr: { ip, port: number },
  });
  const nodePort = port.nodePort === 0 ? [] : [at("node-port", nodeIps[familyOf(port.clusterIp)], port.nodePort)];
  return [
    at("cluster-ip", port.clusterIp),
    ...port.externalIps.map((ip) => at("external-ip", ip)),
    ...port.loadBalancerIps.map((ip) => at("load-balancer", ip)),
    ...nodePort,
  ];
}
