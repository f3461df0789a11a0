import type { ClusterObject } from "../../src/cluster/objects.ts";
import { compileIpvs } from "../../src/modes/ipvs/compile.ts";
import { resolveIpvsOptions } from "../../src/modes/ipvs/options.ts";
import type { IpvsTables, VirtualServer } from "../../src/modes/ipvs/tables.ts";
import type { Family } from "../../src/net/ip.ts";
import { seen } from "../model/seen.ts";
import { node, service, slice } from "../support/objects.ts";

/** A service of each is tried, by its name; every other has round robin. */
export const schedulers = ["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "mh"] as const;
export type ServiceName = (typeof names)[number];
/** `drain` loses an endpoint. */
const names = [...schedulers, "dns", "sticky", "open", "drain"] as const;

/** The endpoints of every service, at a port of its own. */
export const endpointIps = ["10.244.1.1", "10.244.1.2", "10.244.1.3"] as const;
const endpointIps6 = ["fd00:10:244:1::1", "fd00:10:244:1::2"] as const;
/** The node's own addresses. */
export const nodeIps = ["192.168.10.5", "fd00:192:168:10::5"] as const;
/** Where the service `open` is reached besides; the load balancer lets in others than the node. */
export const outside = { externalIp: "192.0.2.10", loadBalancerIp: "203.0.113.10", nodePort: 30080 } as const;

export function clusterIpOf(name: ServiceName): string {
  return `10.96.1.${names.indexOf(name) + 1}`;
}

export function servicePortOf(name: ServiceName): number {
  return name === "dns" ? 53 : 80;
}

export function endpointPortOf(name: ServiceName): number {
  return 8001 + names.indexOf(name);
}

const given: Partial<Record<ServiceName, Parameters<typeof service>[0]>> = {
  sticky: { sessionAffinity: "ClientIP", affinityTimeoutSeconds: 600 },
  open: {
    type: "LoadBalancer",
    clusterIPs: [clusterIpOf("open"), "fd00:96::1"],
    externalIPs: [outside.externalIp, "fd00:192:2::10"],
    ingress: [{ ip: outside.loadBalancerIp }, { ip: "fd00:203::10" }],
    loadBalancerSourceRanges: ["198.51.100.0/24", "fd00:198::/32"],
  },
};

function objectsOf(name: ServiceName, gone: string | undefined): readonly ClusterObject[] {
  const protocol = name === "dns" ? "UDP" : "TCP";
  const port = { name: "p", protocol, port: servicePortOf(name) } as const;
  const ports = [{ name: "p", protocol, port: endpointPortOf(name) }] as const;
  const endpoints = endpointIps.filter((ip) => name !== "drain" || ip !== gone);
  return [
    service({
      name,
      clusterIP: clusterIpOf(name),
      ports: [name === "open" ? { ...port, nodePort: outside.nodePort } : port],
      ...given[name],
    }),
    slice({ service: name, ports, endpoints }),
    ...(name === "open" ? [slice({ service: name, addressType: "IPv6", ports, endpoints: endpointIps6 })] : []),
  ];
}

/** @param gone an endpoint that the service `drain` has no more. */
export function guestTables(family: Family, gone?: string): IpvsTables {
  const model = seen([node(), ...names.flatMap((name) => objectsOf(name, gone))]);
  const compiled = (scheduler: string): IpvsTables =>
    compileIpvs(model, family, resolveIpvsOptions({ scheduler, localAddresses: nodeIps }));
  // A node has one scheduler for all its services, but a kernel one for each: so many are tried at once.
  const wanted = ({ servicePort }: VirtualServer, scheduler: string): boolean =>
    (schedulers.find((name) => servicePort === `default/${name}:p`) ?? "rr") === scheduler;
  const virtualServers = schedulers.flatMap((scheduler) =>
    compiled(scheduler).virtualServers.filter((server) => wanted(server, scheduler)),
  );
  return { ...compiled("rr"), virtualServers };
}
