import type { ServicePort } from "../../model/service-port.ts";
import { inCidr } from "../../net/cidr.ts";
import type { RuleContext } from "./context.ts";
import { append, type TableDraft } from "./draft.ts";
import { addBalancing, type EndpointChains } from "./endpoint-chains.ts";
import { comment, from, fromLocal, jump, markMasquerade, to, toPort } from "./matches.ts";
import type { ServiceChains } from "./names.ts";

/** Whether load balancer traffic is held against source ranges first. Without endpoints it is refused anyway. */
export function usesFirewall({ hasAny, loadBalancerIps, sourceRanges }: ServicePort): boolean {
  return hasAny && loadBalancerIps.length > 0 && sourceRanges.length > 0;
}

/** The chains that a service port has to itself, but for those of its endpoints. */
export function addServiceChains(
  nat: TableDraft,
  port: ServicePort,
  chains: ServiceChains,
  endpoints: EndpointChains,
  context: RuleContext,
): void {
  if (port.hasInternal) addInternalMasquerade(nat, port, chains, context);
  if (port.hasAny && port.externallyAccessible) addExternalChain(nat, port, chains, context);
  if (usesFirewall(port)) addFirewallChain(nat, port, chains, context);
  if (port.usesClusterEndpoints) addBalancing(nat, chains.cluster, port, port.clusterEndpoints, endpoints, context);
  if (port.usesLocalEndpoints) addBalancing(nat, chains.local, port, port.localEndpoints, endpoints, context);
}

/** A client that is no pod of ours is masqueraded, so that the endpoint's answer comes back through this node. */
function addInternalMasquerade(
  nat: TableDraft,
  port: ServicePort,
  chains: ServiceChains,
  { masqueradeAll, detector }: RuleContext,
): void {
  if (!masqueradeAll && detector === undefined) return;
  const chain = port.internalLocal ? chains.local : chains.cluster;
  const matches = [comment(`${port.name} cluster IP`), ...toPort(port.proto, port.port), to(port.clusterIp)];
  if (!masqueradeAll && detector !== undefined) matches.push(detector.notLocal);
  append(nat, chain, matches, markMasquerade);
}

function addExternalChain(nat: TableDraft, port: ServicePort, chains: ServiceChains, { detector }: RuleContext): void {
  const { external, cluster, local } = chains;
  const destinations = `for ${port.name} external destinations`;
  if (port.externalLocal) {
    // Pods and the node itself are inside: the policy is not for them, they reach all endpoints.
    if (detector !== undefined) {
      append(nat, external, [comment(`pod traffic ${destinations}`), detector.local], jump(cluster));
    }
    append(nat, external, [comment(`masquerade LOCAL traffic ${destinations}`), fromLocal], markMasquerade);
    append(nat, external, [comment(`route LOCAL traffic ${destinations}`), fromLocal], jump(cluster));
  } else {
    append(nat, external, [comment(`masquerade traffic ${destinations}`)], markMasquerade);
  }
  if (port.hasExternal) append(nat, external, [], jump(port.externalLocal ? local : cluster));
}

function addFirewallChain(
  nat: TableDraft,
  port: ServicePort,
  { firewall, external }: ServiceChains,
  { nodeIp }: RuleContext,
): void {
  const why = comment(`${port.name} loadbalancer IP`);
  for (const range of port.sourceRanges) append(nat, firewall, [why, { kind: "source", range }], jump(external));
  if (port.sourceRanges.some((range) => inCidr(nodeIp, range))) {
    // Where the load balancer's address is local to the node, the node's own traffic to it has it as source too.
    for (const ip of port.loadBalancerIps) append(nat, firewall, [why, from(ip)], jump(external));
  }
  append(nat, firewall, [comment(`other traffic to ${port.name} will be dropped by KUBE-PROXY-FIREWALL`)]);
}
