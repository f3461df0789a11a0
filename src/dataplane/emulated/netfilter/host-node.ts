import { type Cidr, hostCidr, inCidr, maskIp } from "../../../net/cidr.ts";
import { type Family, familyOf, type Ip, ipKey, isLoopback, sameIp } from "../../../net/ip.ts";

/** An address of an interface, with the length of its network's prefix. */
export interface InterfaceAddress {
  readonly ip: Ip;
  readonly bits: number;
  /** Of a broadcast network. */
  readonly broadcast?: Ip;
  /** A further address of a network that the interface has one of already. */
  readonly secondary?: true;
}

export interface Interface {
  readonly name: string;
  readonly addresses: readonly InterfaceAddress[];
  /** Of a port of a bridge, where `ip -d` told: the bridge, and whether it sends back by the port what came in by it. */
  readonly bridge?: { readonly name: string; readonly hairpin: boolean };
  /** It is no port of a bridge, nor a bridge, as `ip -d` told. */
  readonly isPlain?: true;
}

export type RouteType = "unicast" | "local" | "broadcast" | "blackhole" | "unreachable" | "prohibit" | "throw";

/** One of several ways to the same destination. */
export interface NextHop {
  readonly device: string;
  readonly gateway?: Ip;
  /** Its share among all, at least 1. */
  readonly weight: number;
}

export interface Route {
  readonly destination: Cidr;
  readonly type: RouteType;
  /** Empty for types that lead nowhere; of several next hops that of the first. */
  readonly device: string;
  readonly gateway?: Ip;
  /** Two or more; absent: there is one way. */
  readonly hops?: readonly NextHop[];
  /** Which of the node's addresses packets get. */
  readonly source?: Ip;
  readonly metric: number;
}

/** What a node is to its packets: names of its interfaces, its addresses and its routes. */
export interface HostNode {
  readonly interfaces: readonly Interface[];
  /** Without the table of local addresses, which `interfaces` tell. */
  readonly routes: readonly Route[];
  /** net.ipv4.conf.*.route_localnet: 127.0.0.0/8 may be sent to other hosts and come from them. */
  readonly routeLocalnet: boolean;
}

/** A node made ready for look-ups. */
export interface Routing {
  readonly node: HostNode;
  isLocal(ip: Ip): boolean;
  /** Whether the address is one of this interface's own. */
  isLocalOn(ip: Ip, device: string): boolean;
  isBroadcast(ip: Ip): boolean;
  /** The way of a packet; undefined: there is none. Policy rules (`ip rule`) are not looked at. */
  route(to: Ip): Route | undefined;
  /** The address that MASQUERADE gives packets which leave by a route. Source: Linux, `inet_select_addr`. */
  masqueradeSource(route: Route, to: Ip): Ip | undefined;
  /** The first address of an interface. */
  firstAddress(device: string, family: Family): Ip | undefined;
}

export function prepareRouting(node: HostNode): Routing {
  const local = new Set<number | string>();
  const broadcast = new Set<number | string>();
  for (const { addresses } of node.interfaces) {
    for (const address of addresses) {
      local.add(ipKey(address.ip));
      if (address.broadcast !== undefined) broadcast.add(ipKey(address.broadcast));
    }
  }
  const routes: Readonly<Record<Family, readonly Route[]>> = { 4: ordered(node.routes, 4), 6: ordered(node.routes, 6) };
  const addressesOf = (device: string, family: Family): readonly InterfaceAddress[] =>
    node.interfaces.find(({ name }) => name === device)?.addresses.filter(({ ip }) => familyOf(ip) === family) ?? [];

  const isLocal = (ip: Ip): boolean => isLoopback(ip) || local.has(ipKey(ip));
  const firstAddress: Routing["firstAddress"] = (device, family) => addressesOf(device, family)[0]?.ip;
  return {
    node,
    isLocal,
    isLocalOn: (ip, device) =>
      (device === "lo" && isLoopback(ip)) || addressesOf(device, familyOf(ip)).some((own) => sameIp(own.ip, ip)),
    isBroadcast: (ip) => broadcast.has(ipKey(ip)),
    route(to) {
      if (isLocal(to)) return localRoute(to);
      return routes[familyOf(to)].find(({ destination }) => inCidr(to, destination));
    },
    masqueradeSource({ device, gateway }, to) {
      const own = addressesOf(device, familyOf(to)).filter(({ ip, secondary }) => secondary !== true && isGlobal(ip));
      const near = own.find(({ ip, bits }) => sameIp(maskIp(ip, bits), maskIp(gateway ?? to, bits)));
      return near?.ip ?? own[0]?.ip ?? anyAddress(node, familyOf(to));
    },
    firstAddress,
  };
}

/** Longest prefix first, then the smallest metric, then as listed. */
function ordered(routes: readonly Route[], family: Family): readonly Route[] {
  return routes
    .filter(({ destination, type }) => familyOf(destination.base) === family && type !== "throw")
    .toSorted((a, b) => b.destination.bits - a.destination.bits || a.metric - b.metric);
}

function localRoute(to: Ip): Route {
  return { destination: hostCidr(to), type: "local", device: "lo", metric: 0 };
}

/** Where the interface has none, the kernel takes one of another. */
function anyAddress(node: HostNode, family: Family): Ip | undefined {
  const all = node.interfaces.flatMap(({ addresses }) => addresses);
  return all.find(({ ip }) => familyOf(ip) === family && isGlobal(ip))?.ip;
}

/** Not of loopback, nor of one link alone. */
function isGlobal(ip: Ip): boolean {
  return !isLoopback(ip) && (typeof ip === "number" || ip.w0 >>> 22 !== 0x3fa);
}
