import type { Frontend, NodePlan, UdpService } from "../dataplane/dataplane.ts";
import type { AddressedPort } from "../model/addressed-port.ts";
import type { Model } from "../model/model.ts";
import type { ServicePort } from "../model/service-port.ts";
import type { ProgramOptions } from "../modes/compile.ts";
import { resolveIptablesOptions } from "../modes/iptables/options.ts";
import { iptablesSysctls } from "../modes/iptables/sysctls.ts";
import { joiningBlocks } from "../modes/joining-blocks.ts";
import type { Mode } from "../modes/program.ts";
import { UDP } from "../net/flow.ts";
import { type Family, familyOf, type Ip, type Ip4, sameIp } from "../net/ip.ts";

const ANY = 0 as Ip4;
const families = [4, 6] as const satisfies readonly Family[];

/**
 * What a dataplane needs to know about this node besides the program: its addresses, and every address at which
 * clients reach a service, in order of name. A node port stands with the node's own address of each family; in the
 * userspace mode, which holds a socket for it at all addresses, with 0.0.0.0.
 *
 * @param options of the program.
 * @throws {SluiceError} CONFIG_INVALID for an option that is not what it must be.
 */
export function planNode(model: Model, mode: Mode, options: ProgramOptions = {}): NodePlan {
  return createNodePlanner(mode, options)(model);
}

/** Makes a planner for a model that changes: of service ports that are the same as before nothing is worked out anew. */
export function createNodePlanner(mode: Mode, options: ProgramOptions = {}): (model: Model) => NodePlan {
  const iptables = mode === "iptables" ? resolveIptablesOptions(options.iptables) : undefined;
  const udpOf = families.map(() => joiningBlocks((ports: readonly ServicePort[]) => ports.flatMap(udpService)));
  let nodeIps: Readonly<Record<Family, Ip>> | undefined;
  let frontendsIn: readonly ((ports: readonly AddressedPort[]) => readonly (readonly Frontend[])[])[] = [];
  return (model) => {
    const { ip4, ip6, addresses } = model.node;
    const ips = { 4: mode === "userspace" ? ANY : ip4, 6: ip6 } as const;
    if (nodeIps === undefined || !sameIp(nodeIps[4], ips[4]) || !sameIp(nodeIps[6], ips[6])) {
      nodeIps = ips;
      frontendsIn = families.map(() => joiningBlocks((ports) => ports.flatMap((port) => frontendsOf(port, ips))));
    }
    const lists = mode === "userspace" ? [model.userspacePorts] : families.map((family) => model.servicePorts[family]);
    return {
      nodeAddresses: addresses,
      frontends: lists.flatMap((ports, i) => frontendsIn[i]!(ports).flat()),
      sysctls: iptables === undefined ? [] : iptablesSysctls(model.node, iptables),
      udpServices:
        mode === "userspace" ? [] : families.flatMap((family, i) => udpOf[i]!(model.servicePorts[family]).flat()),
    };
  };
}

function udpService(port: ServicePort): UdpService[] {
  if (port.proto !== UDP) return [];
  const ips = [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps];
  const serving = port.endpoints.filter((endpoint) => endpoint.serving);
  return [
    {
      addrs: ips.map((ip) => ({ ip, port: port.port })),
      nodePort: port.nodePort,
      endpoints: serving.map(({ addr }) => addr),
    },
  ];
}

function frontendsOf(port: AddressedPort, nodeIps: Readonly<Record<Family, Ip>>): Frontend[] {
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
