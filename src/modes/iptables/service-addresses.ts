import type { ServicePort } from "../../model/service-port.ts";
import { TCP } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";
import type { RuleContext } from "./context.ts";
import { append, type TableDraft } from "./draft.ts";
import { LOCALNET } from "./fixed-rules.ts";
import { comment, jump, to, toLocal, toPort } from "./matches.ts";
import type { ServiceChains } from "./names.ts";
import type { Match, Target } from "./ruleset.ts";
import { usesFirewall } from "./service-chains.ts";

/** Both tables, as the rules of a service port are added to them. */
export interface Drafts {
  readonly filter: TableDraft;
  readonly nat: TableDraft;
}

/** The rules by which traffic to a service port's addresses finds its chains, or is refused for want of endpoints. */
export function addServiceAddresses(
  drafts: Drafts,
  port: ServicePort,
  chains: ServiceChains,
  context: RuleContext,
): void {
  addClusterIp(drafts, port, chains);
  for (const ip of port.externalIps) addExternalIp(drafts, port, chains, ip);
  for (const ip of port.loadBalancerIps) addLoadBalancerIp(drafts, port, chains, ip);
  if (port.nodePort !== 0) addNodePort(drafts, port, chains, context);
  if (port.healthCheckNodePort !== 0) addHealthCheck(drafts, port);
}

function addClusterIp({ filter, nat }: Drafts, port: ServicePort, chains: ServiceChains): void {
  if (port.hasInternal) {
    const chain = port.internalLocal ? chains.local : chains.cluster;
    append(nat, "KUBE-SERVICES", [comment(`${port.name} cluster IP`), ...at(port, port.clusterIp)], jump(chain));
  } else {
    append(filter, "KUBE-SERVICES", [whyRefused(port), ...at(port, port.clusterIp)], refusal(port));
  }
}

function addExternalIp(drafts: Drafts, port: ServicePort, { external }: ServiceChains, ip: Ip): void {
  if (port.hasAny) {
    append(drafts.nat, "KUBE-SERVICES", [comment(`${port.name} external IP`), ...at(port, ip)], jump(external));
  }
  addExternalRefusal(drafts, port, ip);
}

function addLoadBalancerIp(drafts: Drafts, port: ServicePort, chains: ServiceChains, ip: Ip): void {
  const guarded = usesFirewall(port);
  if (port.hasAny) {
    const chain = guarded ? chains.firewall : chains.external;
    append(drafts.nat, "KUBE-SERVICES", [comment(`${port.name} loadbalancer IP`), ...at(port, ip)], jump(chain));
  }
  if (guarded) {
    // What the firewall chain did not accept was not rewritten, so here it still has the load balancer's address.
    const why = comment(`${port.name} traffic not accepted by ${chains.firewall}`);
    append(drafts.filter, "KUBE-PROXY-FIREWALL", [why, ...at(port, ip)], { kind: "drop" });
  }
  addExternalRefusal(drafts, port, ip);
}

function addExternalRefusal({ filter }: Drafts, port: ServicePort, ip: Ip): void {
  if (port.hasExternal) return;
  append(filter, "KUBE-EXTERNAL-SERVICES", [whyRefused(port), ...at(port, ip)], refusal(port));
}

function addNodePort(
  { filter, nat }: Drafts,
  port: ServicePort,
  { external }: ServiceChains,
  context: RuleContext,
): void {
  const [dport, proto] = toPort(port.proto, port.nodePort);
  if (port.hasAny && context.localhostNodePorts && context.nfacct) {
    // The same as the next rule, apart: its packets are counted.
    const counter: Match = { kind: "nfacct", counter: "localhost_nps_accepted_pkts" };
    const toLocalnet: Match = { kind: "destination", range: LOCALNET };
    append(nat, "KUBE-NODEPORTS", [comment(port.name), dport, proto, toLocalnet, counter], jump(external));
  }
  if (port.hasAny) append(nat, "KUBE-NODEPORTS", [comment(port.name), dport, proto], jump(external));
  if (!port.hasExternal) {
    append(filter, "KUBE-EXTERNAL-SERVICES", [whyRefused(port), toLocal, dport, proto], refusal(port));
  }
}

function addHealthCheck({ filter }: Drafts, { name, healthCheckNodePort }: ServicePort): void {
  const why = comment(`${name} health check node port`);
  append(filter, "KUBE-NODEPORTS", [why, ...toPort(TCP, healthCheckNodePort)], { kind: "accept" });
}

function at({ proto, port }: ServicePort, ip: Ip): readonly Match[] {
  return [...toPort(proto, port), to(ip)];
}

function whyRefused({ name, hasAny }: ServicePort): Match {
  return comment(hasAny ? `${name} has no local endpoints` : `${name} has no endpoints`);
}

/** No endpoint anywhere: say so at once. None here: stay silent, since a load balancer will learn and go elsewhere. */
function refusal({ hasAny }: ServicePort): Target {
  return hasAny ? { kind: "drop" } : { kind: "reject" };
}
