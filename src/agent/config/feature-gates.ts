import type { KubeProxyConfiguration } from "./config.ts";
import { nearest } from "./nearest.ts";
import type { Objection } from "./objection.ts";

/** The gates that kube-proxy looks at, with the value that they have here. */
const gates: Readonly<Record<string, boolean>> = {
  AllAlpha: false,
  AllBeta: false,
  AllowServiceExternalIPs: true,
  ComponentFlagz: false,
  ComponentStatusz: false,
  IPv6DualStack: true,
  KubeProxyDrainingTerminatingNodes: true,
  KubeProxyNFTablesLocalhostNodePorts: false,
  LoadBalancerIPMode: true,
  MultiCIDRServiceAllocator: true,
  NFTablesProxyMode: true,
  PreferSameTrafficDistribution: true,
  ProxyTerminatingEndpoints: true,
  ServiceInternalTrafficPolicy: true,
  ServiceTrafficDistribution: true,
  TopologyAwareHints: true,
};

/** A gate that is set to what it is not here, or whose name is a slip. */
export function checkFeatureGates({ featureGates }: KubeProxyConfiguration): Objection | undefined {
  for (const [gate, value] of Object.entries(featureGates)) {
    const field = `featureGates.${gate}`;
    if (Object.hasOwn(gates, gate)) {
      if (gates[gate] !== value) return { field, expected: `${gates[gate]}, the one behaviour that is implemented` };
      continue;
    }
    const meant = nearest(gate, Object.keys(gates));
    if (meant !== undefined) return { field, expected: `a gate of Kubernetes; perhaps ${meant} was meant` };
  }
  return undefined;
}

/** The gates that are set and that no proxy looks at, in the order of the file. */
export function foreignGates({ featureGates }: KubeProxyConfiguration): readonly string[] {
  return Object.keys(featureGates).filter((gate) => !Object.hasOwn(gates, gate));
}
