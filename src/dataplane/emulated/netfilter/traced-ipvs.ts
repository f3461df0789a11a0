import type { Random } from "../../../core/random.ts";
import { manualClock } from "../../../core/clock.ts";
import { seededRandom } from "../../../core/random.ts";
import { usable } from "../../../balancers/backend-set.ts";
import type { KernelServer } from "../../../modes/ipvs/tables.ts";
import type { Flow, SocketAddr } from "../../../net/flow.ts";
import { ipKey } from "../../../net/ip.ts";
import type { PacketKind } from "../flow-states.ts";
import { Ipvs } from "../ipvs/ipvs.ts";
import type { VirtualService } from "../ipvs/virtual-service.ts";
import type { KnownIpvsConnection, KnownIpvsEntry, KnownIpvsTemplate } from "./parse-ipvs-connections.ts";

/** As kube-proxy sets them. */
const sysctls = { expireNodestConn: true, expireQuiescentTemplate: true };

/** A virtual server that answers what would become of packets; nothing changes it. */
export interface TracedServer {
  /** What a connection or a template has settled; `leftSeconds` until that is over. */
  settled(flow: Flow, kind: PacketKind): (SettledWay & { readonly leftSeconds: number }) | undefined;
  /** Servers that may take new connections, the newest first, and their weights. */
  usable(): readonly { readonly addr: SocketAddr; readonly weight: number }[];
  /** Asks the scheduler, with the connections counted as they are. */
  scheduled(flow: Flow, random: Random): SocketAddr | undefined;
}

type SettledWay =
  | { readonly by: "connection" | "template"; readonly to: SocketAddr }
  | { readonly by: "connection" | "template"; readonly to: undefined };

/** How things stand when a packet comes. */
export interface IpvsStart {
  readonly entries: readonly KnownIpvsEntry[];
  /** How long ago that was so. */
  readonly laterSeconds: number;
}

/** @param server with a scheduler, and flags of it, that are known. */
export function traceServer(server: KernelServer, start: IpvsStart): TracedServer {
  const clock = manualClock();
  const ipvs = new Ipvs({ clock, random: seededRandom(1) }, { sysctls });
  const service = openService(ipvs, server);
  for (const entry of start.entries) restore(ipvs, service, server, entry);
  clock.advance(start.laterSeconds * 1000);
  ipvs.expire();
  return {
    settled(flow, kind) {
      const settled = ipvs.settled(flow, kind, service);
      if (settled === undefined) return undefined;
      const { by, endMs } = settled;
      const leftSeconds = Math.ceil((endMs - clock.nowMs()) / 1000);
      return { by, to: settled.verdict === "forward" ? settled.server.addr : undefined, leftSeconds };
    },
    usable() {
      ipvs.expire();
      const { servers } = service;
      return servers
        .listed()
        .filter(({ slot }) => usable(servers.set, slot))
        .map((one) => ({ addr: one.addr, weight: servers.weightOf(one) }));
    },
    scheduled: (flow, random) => ipvs.peek(flow, service, random)?.addr,
  };
}

function openService(ipvs: Ipvs, server: KernelServer): VirtualService {
  const { scheduler, flags, persistenceSeconds, persistenceMask: netmask, onePacket = false, servers } = server;
  const timeoutMs = persistenceSeconds * 1000;
  const persistence =
    persistenceSeconds === 0 ? undefined : { timeoutMs, ...(netmask === undefined ? {} : { netmask }) };
  const service = ipvs.createService({ scheduler, flags, persistence, onePacket });
  for (const { addr, weight, upper = 0, lower = 0 } of servers) {
    // The kernel refuses a server that is there already.
    if (service.servers.find(addr) === undefined) service.servers.add(addr, { weight, upper, lower });
  }
  return service;
}

function restore(ipvs: Ipvs, service: VirtualService, server: KernelServer, entry: KnownIpvsEntry): void {
  const leftMs = entry.leftSeconds * 1000;
  if (entry.kind === "template") {
    if (isTemplateOf(server, entry)) ipvs.restoreTemplate(entry.client.ip, service, entry.server, leftMs);
  } else if (isConnectionOf(server, entry)) {
    const { proto, client, virtual, state } = entry;
    const flow = { proto, src: client.ip, srcPort: client.port, dst: virtual.ip, dstPort: virtual.port };
    ipvs.restore(flow, service, entry.server, state, leftMs);
  }
}

function isTemplateOf(server: KernelServer, { proto, virtual }: KnownIpvsTemplate): boolean {
  if ("fwmark" in server) return proto === undefined && virtual.ip === server.fwmark;
  return proto === server.proto && sameAddr(virtual, server.addr);
}

/** Connections do not tell their mark: those to any server of a marked virtual server are taken for its own. */
function isConnectionOf(server: KernelServer, { proto, virtual, server: to }: KnownIpvsConnection): boolean {
  if ("fwmark" in server) return server.servers.some(({ addr }) => ipKey(addr.ip) === ipKey(to.ip));
  const { addr } = server;
  return (
    proto === server.proto && ipKey(virtual.ip) === ipKey(addr.ip) && (addr.port === 0 || addr.port === virtual.port)
  );
}

function sameAddr(a: SocketAddr, b: SocketAddr): boolean {
  return ipKey(a.ip) === ipKey(b.ip) && a.port === b.port;
}
