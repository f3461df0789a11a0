import type { ServicePort } from "../../model/service-port.ts";
import { hostCidr, inCidr } from "../../net/cidr.ts";
import { type Protocol, SCTP, type SocketAddr, UDP } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";
import type { SetEntry, SetPart } from "./ip-set.ts";
import type { SetKey } from "./kube-sets.ts";

/** An entry and the set that it belongs to. */
export type Filed = readonly [set: SetKey, entry: SetEntry];

/** What the entries of a service port depend on besides the service port. */
export interface SetContext {
  readonly nodeIp: Ip;
  readonly nodePortIps: readonly Ip[];
}

/**
 * The entries of one service port.
 *
 * Source: kube-proxy, pkg/proxy/ipvs/proxier.go, `syncProxyRules`. Of a service whose node port answers nowhere it
 * forgets the port of the health check too.
 */
export function serviceEntries(port: ServicePort, context: SetContext): readonly Filed[] {
  const { proto, externalLocal } = port;
  const at = (ip: Ip): SetEntry => entry(address(ip), portPart(port.port, proto));
  const nowhere = port.nodePort !== 0 && context.nodePortIps.length === 0;
  return [
    ...port.endpoints.filter(({ isLocal }) => isLocal).map(({ addr }): Filed => ["loopBack", hairpin(addr, proto)]),
    ["clusterIp", at(port.clusterIp)],
    ...port.externalIps.map((ip): Filed => [externalLocal ? "externalIpLocal" : "externalIp", at(ip)]),
    ...port.loadBalancerIps.flatMap((ip) => loadBalancerEntries(port, ip, at(ip), context)),
    ...(port.nodePort === 0 ? [] : nodePortEntries(port, context)),
    ...(port.healthCheckNodePort === 0 || nowhere ? [] : [healthCheck(port)]),
  ];
}

/** Whether the node itself may reach a service port's load balancer addresses. */
export function admitsNode({ sourceRanges }: ServicePort, nodeIp: Ip): boolean {
  return sourceRanges.some((range) => inCidr(nodeIp, range));
}

/** An address that is looked up by itself. */
export function boundEntry(ip: Ip): SetEntry {
  return entry(address(ip));
}

function loadBalancerEntries(port: ServicePort, ip: Ip, at: SetEntry, { nodeIp }: SetContext): readonly Filed[] {
  const { proto, sourceRanges, externalLocal } = port;
  const here: readonly Filed[] = externalLocal
    ? [
        ["loadBalancer", at],
        ["loadBalancerLocal", at],
      ]
    : [["loadBalancer", at]];
  if (sourceRanges.length === 0) return here;
  // ipset holds no range of length 0, so with kube-proxy it lets nobody in.
  const ranges = sourceRanges.filter(({ bits }) => bits > 0);
  const sources = ranges.map((range): Filed => ["sourceCidr", entry(...at.parts, { kind: "range", range })]);
  // Where the node's own traffic goes to the address of its load balancer, it has that as source too.
  const own: readonly Filed[] = admitsNode(port, nodeIp) ? [["sourceIp", hairpin({ ip, port: port.port }, proto)]] : [];
  return [...here, ["loadBalancerFirewall", at], ...sources, ...own];
}

function nodePortEntries({ proto, nodePort, externalLocal }: ServicePort, { nodePortIps }: SetContext): Filed[] {
  if (nodePortIps.length === 0) return [];
  const [all, local] = nodePortSets(proto);
  const entries =
    proto === SCTP
      ? nodePortIps.map((ip) => entry(address(ip), portPart(nodePort, proto)))
      : [entry({ kind: "port", port: nodePort })];
  const filed = (set: SetKey): Filed[] => entries.map((one) => [set, one]);
  return externalLocal ? [...filed(all), ...filed(local)] : filed(all);
}

function nodePortSets(proto: Protocol): readonly [all: SetKey, local: SetKey] {
  if (proto === SCTP) return ["nodePortSctp", "nodePortLocalSctp"];
  return proto === UDP ? ["nodePortUdp", "nodePortLocalUdp"] : ["nodePortTcp", "nodePortLocalTcp"];
}

function healthCheck({ healthCheckNodePort }: ServicePort): Filed {
  return ["healthCheck", entry({ kind: "port", port: healthCheckNodePort })];
}

/** What goes from an address to a port of the same address. */
function hairpin({ ip, port }: SocketAddr, proto: Protocol): SetEntry {
  return entry(address(ip), portPart(port, proto), address(ip));
}

function entry(...parts: readonly SetPart[]): SetEntry {
  return { parts };
}

function address(ip: Ip): SetPart {
  return { kind: "range", range: hostCidr(ip) };
}

function portPart(port: number, proto: Protocol): SetPart {
  return { kind: "port", port, proto };
}
