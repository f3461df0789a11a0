import type { Service } from "../cluster/objects.ts";
import type { Family, Ip } from "../net/ip.ts";
import { cidrsOfFamily, ipOfFamily, ipsOfFamily } from "./families.ts";
import { portKey, readPort } from "./port.ts";
import type { ServicePortInfo } from "./service-port.ts";

/** What sessionAffinity ClientIP lasts where the object does not say: the API's default, three hours. */
const DEFAULT_AFFINITY_SECONDS = 10_800;

/** Whether the Service has an address to be proxied at: headless ones and names for other hosts have none. */
export function hasClusterIp({ spec }: Service): boolean {
  const { clusterIP = "", type } = spec;
  return clusterIP !== "" && clusterIP !== "None" && type !== "ExternalName";
}

/** Session affinity in seconds; 0: none. */
export function affinitySecondsOf({ spec }: Service): number {
  return spec.sessionAffinity === "ClientIP" ? (spec.affinityTimeoutSeconds ?? DEFAULT_AFFINITY_SECONDS) : 0;
}

/**
 * What a Service says about its ports in one family; empty when it has no cluster IP of that family. Of two ports with
 * the same name and protocol, which the API refuses, the last counts.
 */
export function servicePortInfos(service: Service, family: Family): readonly ServicePortInfo[] {
  const clusterIp = clusterIpOf(service, family);
  if (clusterIp === undefined) return [];
  const { metadata, spec } = service;
  const externalLocal = isExternalLocal(service);
  const shared = {
    clusterIp,
    externalIps: ipsOfFamily(spec.externalIPs ?? [], family),
    loadBalancerIps: loadBalancerIpsOf(service, family),
    sourceRanges: cidrsOfFamily(spec.loadBalancerSourceRanges ?? [], family),
    affinitySeconds: affinitySecondsOf(service),
    internalLocal: spec.internalTrafficPolicy === "Local",
    externalLocal,
    healthCheckNodePort: spec.type === "LoadBalancer" && externalLocal ? (spec.healthCheckNodePort ?? 0) : 0,
  };
  const infos = new Map<string, ServicePortInfo>();
  for (const port of spec.ports) {
    const info = readPort(metadata, port, shared);
    infos.set(portKey(info.portName, info.proto), info);
  }
  return [...infos.values()];
}

/** Where the families are not listed, the one cluster IP tells its own. */
function clusterIpOf({ spec }: Service, family: Family): Ip | undefined {
  const { clusterIP = "", clusterIPs = [], ipFamilies = [] } = spec;
  if (ipFamilies.length === 0) return ipOfFamily(clusterIP, family);
  const index = ipFamilies.indexOf(family === 4 ? "IPv4" : "IPv6");
  const text = (clusterIPs.length === 0 ? [clusterIP] : clusterIPs)[index];
  return text === undefined ? undefined : ipOfFamily(text, family);
}

/** Addresses that the load balancer delivers unchanged; with ipMode Proxy packets arrive at the node port instead. */
function loadBalancerIpsOf({ ingress }: Service, family: Family): readonly Ip[] {
  const delivered = ingress.filter(({ ipMode = "VIP" }) => ipMode === "VIP");
  return ipsOfFamily(
    delivered.map(({ ip = "" }) => ip),
    family,
  );
}

/** externalTrafficPolicy counts only for a Service that the API deems reachable from outside, whatever its addresses. */
function isExternalLocal({ spec }: Service): boolean {
  const { type = "ClusterIP", externalIPs = [], externalTrafficPolicy } = spec;
  const outside = type === "LoadBalancer" || type === "NodePort" || (type === "ClusterIP" && externalIPs.length > 0);
  return outside && externalTrafficPolicy === "Local";
}
