import { type Cidr, maskIp } from "../../../net/cidr.ts";
import { type Family, familyOf, formatIp, type Ip, type Ip4 } from "../../../net/ip.ts";
import type { HostNode, Interface, Route } from "./host-node.ts";

/** What is known of a node; whatever is absent is assumed. */
export interface KnownHost {
  readonly interfaces?: readonly Interface[];
  readonly routes?: readonly Route[];
  /** Addresses that are the node's own, where nobody knows of which interface. */
  readonly addresses: readonly Ip[];
  /** @default true: kube-proxy's iptables mode sets it */
  readonly routeLocalnet?: boolean;
}

export interface AssumedHost {
  readonly host: HostNode;
  /** In words. */
  readonly assumptions: readonly string[];
}

const DEVICE = "eth0";
const unspecified: Readonly<Record<Family, Ip>> = { 4: 0 as Ip4, 6: { w0: 0, w1: 0, w2: 0, w3: 0 } };

/** Fills in what is not known: one interface with the known addresses, and a default route by it. */
export function assumeHost({ interfaces, routes, addresses, routeLocalnet = true }: KnownHost): AssumedHost {
  const assumptions: string[] = [];
  const known = interfaces ?? [assumedInterface(addresses)];
  if (interfaces === undefined) assumptions.push(interfaceText(addresses));
  const device = known.find(({ name, addresses: own }) => name !== "lo" && own.length > 0)?.name ?? DEVICE;
  if (routes === undefined) assumptions.push(`everything leaves by ${device}: a default route`);
  else assumptions.push("the routes given decide for every packet: rules of policy routing (ip rule) are not known");
  assumptions.push("packets are forwarded (ip_forward), and reverse path filtering is off");
  const all = routes ?? [...known.flatMap(connected), defaultRoute(4, device), defaultRoute(6, device)];
  return { host: { interfaces: known, routes: all, routeLocalnet }, assumptions };
}

/** A masqueraded packet needs some address: where none is known, the unspecified one stands for it. */
function assumedInterface(addresses: readonly Ip[]): Interface {
  const own = ([4, 6] as const).flatMap((family) => {
    const ips = addresses.filter((ip) => familyOf(ip) === family);
    return ips.length > 0 ? ips : [unspecified[family]];
  });
  return { name: DEVICE, addresses: own.map((ip) => ({ ip, bits: familyOf(ip) === 4 ? 32 : 128 })) };
}

function interfaceText(addresses: readonly Ip[]): string {
  const own =
    addresses.length === 0 ? "no known address (0.0.0.0 or :: stands for it)" : addresses.map(formatIp).join(", ");
  return `the node has one interface, ${DEVICE}, with ${own}`;
}

function connected({ name, addresses }: Interface): Route[] {
  return addresses
    .filter(({ ip, bits }) => bits < (familyOf(ip) === 4 ? 32 : 128))
    .map(({ ip, bits }) => ({
      destination: networkOf(ip, bits),
      type: "unicast",
      device: name,
      source: ip,
      metric: 0,
    }));
}

function networkOf(ip: Ip, bits: number): Cidr {
  return { base: maskIp(ip, bits), bits };
}

function defaultRoute(family: Family, device: string): Route {
  return { destination: { base: unspecified[family], bits: 0 }, type: "unicast", device, metric: 0 };
}
