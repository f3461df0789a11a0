import type { Endpoint, ServicePort } from "../../model/service-port.ts";
import { hostCidr, inCidr } from "../../net/cidr.ts";
import type { RuleContext } from "./context.ts";
import { addChain, addSet, append, type TableDraft } from "./draft.ts";
import {
  address,
  fromLocal,
  goto,
  markWith,
  match,
  number,
  ofProtocol,
  reference,
  rule,
  source,
} from "./expressions.ts";
import { type EndpointNames, endpointNames, type ServiceChains } from "./names.ts";
import { anyOf } from "./ranges.ts";
import { DYNAMIC_SIZE, type Element, type Expression, type Statement } from "./ruleset.ts";

/** Whether load balancer traffic is held against source ranges first: also where there are no endpoints to reach. */
export function usesFirewall({ loadBalancerIps, sourceRanges }: ServicePort): boolean {
  return loadBalancerIps.length > 0 && sourceRanges.length > 0;
}

/** The chains that a service port has to itself, and with session affinity those of its endpoints. */
export function addServiceChains(
  table: TableDraft,
  port: ServicePort,
  chains: ServiceChains,
  context: RuleContext,
): void {
  const names = port.affinitySeconds > 0 ? addEndpoints(table, port, context) : undefined;
  if (port.usesClusterEndpoints) addBalancing(table, chains.cluster, port, port.clusterEndpoints, names, context);
  if (port.usesLocalEndpoints) addBalancing(table, chains.local, port, port.localEndpoints, names, context);
  if (port.hasAny && port.externallyAccessible) addExternalChain(table, port, chains, context);
  if (usesFirewall(port)) addFirewallChain(table, port, chains, context);
}

function addExternalChain(table: TableDraft, port: ServicePort, chains: ServiceChains, context: RuleContext): void {
  const { external, cluster, local } = chains;
  const { detector, mark } = context;
  if (port.externalLocal) {
    // Pods and the node itself are inside: the policy is not for them, they reach all endpoints.
    if (detector !== undefined) {
      append(table, external, rule([detector.local, goto(cluster)], "short-circuit pod traffic"));
    }
    append(table, external, rule([fromLocal, markWith(mark)], "masquerade local traffic"));
    append(table, external, rule([fromLocal, goto(cluster)], "short-circuit local traffic"));
  } else {
    append(table, external, rule([markWith(mark)], "masquerade"));
  }
  if (port.hasExternal) append(table, external, rule([goto(port.externalLocal ? local : cluster)]));
}

function addFirewallChain(
  table: TableDraft,
  { sourceRanges, loadBalancerIps }: ServicePort,
  { firewall }: ServiceChains,
  { family, nodeIp }: RuleContext,
): void {
  // Where the load balancer's address is local to the node, the node's own traffic to it has it as source too.
  const own = sourceRanges.some((range) => inCidr(nodeIp, range)) ? loadBalancerIps.map(hostCidr) : [];
  const allowed = anyOf([...sourceRanges, ...own]);
  append(table, firewall, rule([match(source[family], "!=", allowed), { kind: "drop" }]));
}

type NamesByEndpoint = ReadonlyMap<Endpoint, EndpointNames>;

/** A chain and a set for each endpoint: the set has the clients that the chain sent there. */
function addEndpoints(table: TableDraft, port: ServicePort, { family }: RuleContext): NamesByEndpoint {
  const names = new Map<Endpoint, EndpointNames>();
  for (const endpoint of port.reachable) {
    const { chain, affinity } = endpointNames(port, endpoint.addr);
    names.set(endpoint, { chain, affinity });
    addSet(table, {
      name: affinity,
      key: [family === 4 ? "ipv4_addr" : "ipv6_addr"],
      flags: ["dynamic", "timeout"],
      size: DYNAMIC_SIZE,
      timeoutSeconds: port.affinitySeconds,
    });
    const remember: Statement = {
      kind: "set-update",
      operation: "update",
      set: affinity,
      element: { key: source[family] },
    };
    append(table, chain, rule([remember]));
    const to = { address: address(endpoint.addr.ip), port: number(endpoint.addr.port) };
    append(table, chain, rule([ofProtocol(port.proto), { kind: "nat", type: "dnat", ...to, flags: [] }]));
  }
  return names;
}

/** The rules that pick one of the endpoints, each with the same chance; who was here lately goes where it went. */
function addBalancing(
  table: TableDraft,
  chain: string,
  port: ServicePort,
  endpoints: readonly Endpoint[],
  names: NamesByEndpoint | undefined,
  { family }: RuleContext,
): void {
  if (endpoints.length === 0) return;
  addChain(table, chain);
  const key: Expression = { kind: "numgen", mode: "random", mod: endpoints.length, offset: 0 };
  if (names === undefined) {
    const address: Expression = { kind: "map", key, data: numbered(endpoints, placeOf) };
    const nat: Statement = { kind: "nat", type: "dnat", family: family === 4 ? "ip" : "ip6", address, flags: [] };
    append(table, chain, rule([ofProtocol(port.proto), nat]));
    return;
  }
  for (const endpoint of endpoints) {
    const { chain: to, affinity } = names.get(endpoint)!;
    append(table, chain, rule([match(source[family], "==", reference(affinity)), goto(to)]));
  }
  const data = numbered(endpoints, (endpoint) => goto(names.get(endpoint)!.chain));
  append(table, chain, rule([{ kind: "vmap", key, data }]));
}

function placeOf({ addr }: Endpoint): Expression {
  return { kind: "concat", parts: [address(addr.ip), number(addr.port)] };
}

function numbered(endpoints: readonly Endpoint[], dataOf: (endpoint: Endpoint) => Expression): Expression {
  const elements = endpoints.map((endpoint, index): Element => ({
    key: number(index),
    data: dataOf(endpoint),
  }));
  return { kind: "set", elements };
}
