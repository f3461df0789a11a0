import type { KubeProxyConfiguration } from "./config.ts";
import { nearest } from "./nearest.ts";
import type { Objection } from "./objection.ts";

/** The one that is honoured either way, since clusters are asked to turn it off. */
const EXTERNAL_IPS = "AllowServiceExternalIPs";

/** The other gates that kube-proxy looks at, with the value that they have here. */
const gates: Readonly<Record<string, boolean>> = {
  AllAlpha: false,
  AllBeta: false,
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

const known: readonly string[] = [EXTERNAL_IPS, ...Object.keys(gates)];

/** A gate that is set to what it is not here, or whose name is a slip. */
export function checkFeatureGates({ featureGates }: KubeProxyConfiguration): Objection | undefined {
  for (const [gate, value] of Object.entries(featureGates)) {
    if (gate === EXTERNAL_IPS) continue;
    const field = `featureGates.${gate}`;
    if (Object.hasOwn(gates, gate)) {
      if (gates[gate] !== value) return { field, expected: `${gates[gate]}, the one behaviour that is implemented` };
      continue;
    }
    const meant = nearest(gate, known);
    if (meant !== undefined) return { field, expected: `a gate of Kubernetes; perhaps ${meant} was meant` };
  }
  return undefined;
}

/** The gates that are set and that no proxy looks at, in the order of the file. */
export function foreignGates({ featureGates }: KubeProxyConfiguration): readonly string[] {
  return Object.keys(featureGates).filter((gate) => !known.includes(gate));
}

/** Whether rules are made for the external IPs of Services. */
export function allowsExternalIps({ featureGates }: KubeProxyConfiguration): boolean {
  return featureGates[EXTERNAL_IPS] ?? true;
}
