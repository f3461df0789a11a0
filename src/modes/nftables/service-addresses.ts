import type { ServicePort } from "../../model/service-port.ts";
import type { Ip } from "../../net/ip.ts";
import { addElement, type TableDraft } from "./draft.ts";
import { address, goto, hairpinKey, portKey, serviceKey } from "./expressions.ts";
import type { ServiceChains } from "./names.ts";
import type { Element, Expression, Verdict } from "./ruleset.ts";
import { usesFirewall } from "./service-chains.ts";

/** The elements by which traffic to a service port's addresses finds its chains, or is refused for want of endpoints. */
export function addServiceAddresses(table: TableDraft, port: ServicePort, chains: ServiceChains): void {
  addClusterIp(table, port, chains);
  for (const ip of port.externalIps) addOutsideIp(table, port, chains, ip);
  for (const ip of port.loadBalancerIps) {
    addOutsideIp(table, port, chains, ip);
    if (usesFirewall(port)) addElement(table, "firewall-ips", { key: at(port, ip), data: goto(chains.firewall) });
  }
  if (port.nodePort !== 0) addNodePort(table, port, chains);
  for (const { addr, isLocal } of port.reachable) {
    if (isLocal) addElement(table, "hairpin-connections", { key: hairpinKey(addr, port.proto) });
  }
}

function addClusterIp(table: TableDraft, port: ServicePort, chains: ServiceChains): void {
  const { clusterIp, hasInternal, internalLocal } = port;
  addElement(table, "cluster-ips", { key: address(clusterIp) });
  const key = at(port, clusterIp);
  if (hasInternal) {
    addElement(table, "service-ips", { key, data: goto(internalLocal ? chains.local : chains.cluster) });
  } else {
    addElement(table, "no-endpoint-services", refused(key, port));
  }
}

/** With policy Local there may be both: pods and the node reach endpoints elsewhere, what comes from outside does not. */
function addOutsideIp(table: TableDraft, port: ServicePort, { external }: ServiceChains, ip: Ip): void {
  const key = at(port, ip);
  if (port.hasAny) addElement(table, "service-ips", { key, data: goto(external) });
  if (!port.hasExternal) addElement(table, "no-endpoint-services", refused(key, port));
}

function addNodePort(table: TableDraft, port: ServicePort, { external }: ServiceChains): void {
  const key = portKey(port.proto, port.nodePort);
  if (port.hasAny) addElement(table, "service-nodeports", { key, data: goto(external) });
  if (!port.hasExternal) addElement(table, "no-endpoint-nodeports", refused(key, port));
}

function at({ proto, port }: ServicePort, ip: Ip): Expression {
  return serviceKey(ip, proto, port);
}

/**
 * No endpoint anywhere: say so at once. None here: stay silent, since a load balancer will learn and go elsewhere.
 *
 * A name of over 128 bytes is more than nft takes as a comment: it refuses the family's rules, as with kube-proxy 1.36.
 */
function refused(key: Expression, { name, hasAny }: ServicePort): Element {
  const data: Verdict = hasAny ? { kind: "drop" } : goto("reject-chain");
  return { key, data, comment: name };
}
