import type { ServicePort } from "../model/service-port.ts";
import type { IpSet, SetEntry } from "../modes/ipvs/ip-set.ts";
import { type SetKey, setName } from "../modes/ipvs/kube-sets.ts";
import type { KernelServer, VirtualServer } from "../modes/ipvs/tables.ts";
import { type Protocol, type SocketAddr, TCP, UDP } from "../net/flow.ts";
import { type Family, familyOf, type Ip, ipKey, sameIp } from "../net/ip.ts";
import type { NodeParts } from "./assemble-node.ts";

/**
 * Why a virtual server of IPVS has no real servers: the service has no endpoints; its traffic policy is Local, and none
 * is on this node; or nothing tells which of the two.
 */
export type Emptiness = "no-endpoints" | "not-local" | "either";

/** Where a packet was sent. */
interface Asked {
  readonly proto: number;
  readonly addr: SocketAddr;
}

/** A service port of the cluster, and the policy of the address at which the client asked for it. */
export interface AskedPort {
  readonly port: ServicePort;
  readonly isLocal: boolean;
}

/** @param isNodes whether an address is the node's: node ports are reached at any. @returns undefined: no service's. */
export function askedPort(
  ports: readonly ServicePort[],
  { proto, addr }: Asked,
  isNodes: (ip: Ip) => boolean,
): AskedPort | undefined {
  const at = (ip: Ip): boolean => sameIp(ip, addr.ip);
  for (const port of ports) {
    if (port.proto !== proto) continue;
    if (port.port === addr.port && at(port.clusterIp)) return { port, isLocal: port.internalLocal };
    const isExternal =
      (port.port === addr.port && [...port.externalIps, ...port.loadBalancerIps].some(at)) ||
      (port.nodePort !== 0 && port.nodePort === addr.port && isNodes(addr.ip));
    if (isExternal) return { port, isLocal: port.externalLocal };
  }
  return undefined;
}

/** By the cluster's own words. */
export function emptinessInModel({ port, isLocal }: AskedPort): Emptiness {
  if (!port.hasAny) return "no-endpoints";
  return isLocal ? "not-local" : "either";
}

/**
 * By kube-proxy's sets, which tell external addresses with a policy of Local from others, and by other virtual servers
 * of the same service. Neither says what policy a cluster IP has, nor which service a virtual server is of: what could
 * be of several is concluded from only where all of them agree.
 */
export function emptinessInSets({ servers = [], sets }: NodeParts, { proto, addr }: Asked): Emptiness {
  if (sets === undefined) return "either";
  const family = familyOf(addr.ip);
  const known = servers.filter(
    (one): one is VirtualServer => "addr" in one && one.proto === proto && familyOf(one.addr.ip) === family,
  );
  const server = known.find((one) => sameIp(one.addr.ip, addr.ip) && one.addr.port === addr.port);
  if (server === undefined) return "either";
  const holds = lookUpIn(sets, family);
  const { place, policy } = kindOf(server, holds);
  if (policy === "cluster") return "no-endpoints";
  const kinds = new Map(known.map((one) => [one, kindOf(one, holds)]));
  const clusterIps = known.filter((one) => kinds.get(one)?.place === "cluster-ip");
  /** The cluster IPs of the services that an external address may be of. */
  const insideOf = (one: VirtualServer): readonly VirtualServer[] =>
    kinds.get(one)?.place === "node-port"
      ? clusterIps
      : clusterIps.filter(({ addr: inside }) => inside.port === one.addr.port);
  if (place === "cluster-ip") {
    const outside = known.filter((one) => {
      const [only, more] = kinds.get(one)?.policy === "cluster" ? insideOf(one) : [];
      return only === server && more === undefined;
    });
    if (outside.length === 0) return "either";
    return outside.some(takesConnections) ? "not-local" : "no-endpoints";
  }
  const inside = insideOf(server);
  return policy === "local" && inside.length > 0 && inside.every(takesConnections) ? "not-local" : "either";
}

/**
 * Whether kube-proxy's sets say that the policy of an address is Local, and that an endpoint is not on this node. Its
 * set of endpoints that may reach themselves has those of this node.
 */
export function isElsewhereInSets({ sets = [] }: NodeParts, { proto, addr }: Asked, to: SocketAddr): boolean {
  const holds = lookUpIn(sets, familyOf(to.ip));
  const at = (place: SocketAddr): Served => ({ addr: place, proto: proto as Protocol });
  return kindOf(at(addr), holds).policy === "local" && holds("loopBack", at(to)) === false;
}

function takesConnections({ servers }: KernelServer): boolean {
  return servers.some(({ weight }) => weight > 0);
}

/** What the sets say that an address is, and its external traffic policy. */
interface Kind {
  readonly place: "cluster-ip" | "external" | "node-port" | "unknown";
  readonly policy: "cluster" | "local" | "unknown";
}

const external = [
  ["loadBalancer", "loadBalancerLocal"],
  ["externalIp", "externalIpLocal"],
] as const satisfies readonly (readonly [all: SetKey, local: SetKey])[];

type Served = Pick<VirtualServer, "addr" | "proto">;
/** Whether one of kube-proxy's sets has an address and port; undefined: the set is not in the dump. */
type LookUp = (set: SetKey, place: Served) => boolean | undefined;

function kindOf(server: Served, lookUp: LookUp): Kind {
  const holds = (set: SetKey): boolean | undefined => lookUp(set, server);
  if (holds("clusterIp") === true) return { place: "cluster-ip", policy: "unknown" };
  for (const [place, pairs] of [
    ["external", external],
    ["node-port", [nodePortSets(server.proto)]],
  ] as const) {
    const answers = pairs.map(([all, local]) => [holds(all), holds(local)] as const);
    if (answers.some(([, local]) => local === true)) return { place, policy: "local" };
    const found = answers.find(([all]) => all === true);
    // A set of Local addresses that is not in the dump may hold it all the same.
    if (found !== undefined) return { place, policy: found[1] === false ? "cluster" : "unknown" };
  }
  return { place: "unknown", policy: "unknown" };
}

function nodePortSets(proto: Protocol): readonly [all: SetKey, local: SetKey] {
  if (proto === TCP) return ["nodePortTcp", "nodePortLocalTcp"];
  return proto === UDP ? ["nodePortUdp", "nodePortLocalUdp"] : ["nodePortSctp", "nodePortLocalSctp"];
}

/** Each set is gone through once, when it is first asked. */
function lookUpIn(sets: readonly IpSet[], family: Family): LookUp {
  const indexed = new Map<SetKey, ReadonlySet<string> | undefined>();
  return (key, { addr, proto }) => {
    if (!indexed.has(key)) {
      const set = sets.find(({ name }) => name === setName(key, family));
      indexed.set(key, set && new Set(set.entries.map(entryKey)));
    }
    const index = indexed.get(key);
    return index && (index.has(`${ipKey(addr.ip)} ${proto}:${addr.port}`) || index.has(`${addr.port}`));
  };
}

/** Sets of node ports have the port alone, others the address before it. */
function entryKey({ parts }: SetEntry): string {
  const ip = parts.find((part) => part.kind === "range");
  const port = parts.find((part) => part.kind === "port");
  if (port === undefined) return "";
  return ip === undefined ? String(port.port) : `${ipKey(ip.range.base)} ${port.proto}:${port.port}`;
}
