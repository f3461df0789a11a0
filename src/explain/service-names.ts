import type { Frontend } from "../dataplane/dataplane.ts";
import { formatSocketAddr, type SocketAddr } from "../net/flow.ts";
import type { Ip } from "../net/ip.ts";

/** Names of services by where clients reach them. */
export interface ServiceNames {
  /** `boutique/cartservice:grpc`; undefined: no service's. */
  nameOf(proto: number, to: SocketAddr): string | undefined;
}

/** @param isLocal whether an address is the node's: node ports are reached at any. */
export function serviceNames(frontends: readonly Frontend[], isLocal: (ip: Ip) => boolean): ServiceNames {
  const byPlace = new Map<string, string>();
  const byNodePort = new Map<string, string>();
  for (const { kind, proto, addr, servicePort } of frontends) {
    if (kind === "node-port") byNodePort.set(`${proto} ${addr.port}`, servicePort);
    else byPlace.set(`${proto} ${formatSocketAddr(addr)}`, servicePort);
  }
  return {
    nameOf: (proto, to) =>
      byPlace.get(`${proto} ${formatSocketAddr(to)}`) ??
      (isLocal(to.ip) ? byNodePort.get(`${proto} ${to.port}`) : undefined),
  };
}
