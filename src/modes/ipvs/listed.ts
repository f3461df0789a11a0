import type { SocketAddr } from "../../net/flow.ts";
import type { Ip } from "../../net/ip.ts";
import type { IpvsTables, VirtualServer } from "./tables.ts";

/**
 * The tables in the order in which `ipvsadm -S` prints them: by protocol, address and port. Addresses are compared
 * by their difference as a signed 32-bit number, as there: 192.168.0.1 comes before 10.0.0.1.
 *
 * Source: ipvsadm, libipvs.c, `ipvs_cmp_services`, `ipvs_cmp_dests`.
 */
export function asListed({ family, virtualServers }: IpvsTables): IpvsTables {
  const sorted = virtualServers.toSorted((a, b) => a.proto - b.proto || compareAddr(a.addr, b.addr));
  return { family, virtualServers: sorted.map(withServersAsListed) };
}

function withServersAsListed(server: VirtualServer): VirtualServer {
  return { ...server, servers: server.servers.toSorted((a, b) => compareAddr(a.addr, b.addr)) };
}

function compareAddr(a: SocketAddr, b: SocketAddr): number {
  const wordsA = wordsOf(a.ip);
  const wordsB = wordsOf(b.ip);
  const at = wordsA.findIndex((word, index) => word !== wordsB[index]);
  return at < 0 ? a.port - b.port : (wordsA[at]! - wordsB[at]!) | 0;
}

function wordsOf(ip: Ip): readonly number[] {
  return typeof ip === "number" ? [ip] : [ip.w0, ip.w1, ip.w2, ip.w3];
}
