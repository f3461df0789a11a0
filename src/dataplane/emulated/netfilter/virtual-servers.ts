import { createBalancer } from "../../../balancers/create-balancer.ts";
import type { BalancerOptions } from "../../../balancers/balancer-options.ts";
import { ipvsSchedulers } from "../../../balancers/registry.ts";
import { manualClock } from "../../../core/clock.ts";
import type { KernelServer, RealServer } from "../../../modes/ipvs/tables.ts";
import { type Flow, formatSocketAddr, protocolName, type SocketAddr, TCP } from "../../../net/flow.ts";
import { type Family, familyOf, ipKey } from "../../../net/ip.ts";
import { schedulerOptions } from "../ipvs/scheduler-options.ts";
import { chance, type Chance } from "./choices.ts";
import { fraction } from "./fraction.ts";
import type { HookFunction } from "./hooks.ts";
import { type Packet, tcpFlagBits } from "./packet.ts";
import type { HookVerdict, Walk } from "./walk.ts";

/** IPVS's own hooks: at INPUT behind everything but NAT, at OUTPUT right behind NAT. Source: Linux, ip_vs_core.c. */
const INPUT_PRIORITY = 98;
const OUTPUT_PRIORITY = -99;

/** Makes the virtual servers of one family ready. */
export function ipvsHooks(servers: readonly KernelServer[], family: Family): readonly HookFunction[] {
  const byPlace = new Map(servers.map((server) => [placeOf(server), server]));
  const run = (walk: Walk): HookVerdict => serve(walk, byPlace, family);
  return [
    { hook: "INPUT", priority: INPUT_PRIORITY, kind: "filter", run },
    { hook: "OUTPUT", priority: OUTPUT_PRIORITY, kind: "filter", run },
  ];
}

function placeOf(server: KernelServer): string {
  return "fwmark" in server
    ? `mark ${server.family} ${server.fwmark}`
    : `${server.proto} ${ipKey(server.addr.ip)} ${server.addr.port}`;
}

/** By the packet's mark first, then by its destination, then by a virtual server of all ports. */
function serverOf(
  packet: Packet,
  byPlace: ReadonlyMap<string, KernelServer>,
  family: Family,
): KernelServer | undefined {
  const { mark, proto, dst, dstPort } = packet;
  const marked = mark === 0 ? undefined : byPlace.get(`mark ${family} ${mark}`);
  const place = `${proto} ${ipKey(dst)}`;
  return marked ?? byPlace.get(`${place} ${dstPort}`) ?? byPlace.get(`${place} 0`);
}

function serve(walk: Walk, byPlace: ReadonlyMap<string, KernelServer>, family: Family): HookVerdict {
  const { packet } = walk;
  if (walk.servedBy !== undefined || packet.isReply) return "accept";
  const server = serverOf(packet, byPlace, family);
  const opens = packet.proto !== TCP || (packet.flags & tcpFlagBits.SYN) !== 0;
  if (server === undefined || !opens) return "accept";
  walk.passed += 1;
  const rule = serverText(server);
  const note = (effect: string): void => {
    walk.steps.push({ hook: walk.hook, where: "ipvs", matched: true, rule: () => rule, effect });
  };
  if (!ipvsSchedulers.some((name) => name === server.scheduler)) {
    walk.endedBy = `ipvs: ${rule}: the scheduler ${server.scheduler} is unknown`;
    note("any of its servers, or none: undecided");
    return "undecided";
  }
  const chosen = choose(walk, server);
  if (chosen === undefined) {
    walk.endedBy = `ipvs: ${rule} has no server that takes connections`;
    note("no server: reject");
    return "reject";
  }
  const to = { ip: chosen.addr.ip, port: chosen.addr.port === 0 ? packet.dstPort : chosen.addr.port };
  walk.servedBy = { ip: packet.dst, port: packet.dstPort };
  note(`to ${formatSocketAddr(to)}${wayText(chosen)}`);
  redirect(packet, to);
  return "redirected";
}

function wayText({ forwarding }: RealServer): string {
  if (forwarding === undefined || forwarding.by === "masquerade") return "";
  return forwarding.by === "route" ? ", unchanged: the server has the address too" : ", in a tunnel";
}

/** The answer comes from the server, and gets the client's destination as its source again. */
function redirect(packet: Packet, { ip, port }: SocketAddr): void {
  packet.dst = ip;
  packet.dstPort = port;
  const { connection } = packet;
  if (connection === undefined) return;
  connection.reply = { ...connection.reply, src: ip, srcPort: port };
  connection.dnat = true;
}

function choose(walk: Walk, server: KernelServer): RealServer | undefined {
  const usable = server.servers.filter(({ weight }) => weight > 0);
  if (usable.length < 2) return usable[0];
  const { scheduler } = server;
  if (scheduler === "rr" || scheduler === "wrr") {
    walk.assumptions.add(`where the scheduler ${scheduler} stands is unknown: any turn is as likely`);
    return usable[walk.draw(turns(usable, scheduler === "wrr"))];
  }
  walk.assumptions.add(`no server of IPVS has a connection yet: the scheduler ${scheduler} goes by the list`);
  return scheduled(walk, server);
}

function turns(servers: readonly RealServer[], weighted: boolean): readonly Chance[] {
  const weights = servers.map(({ weight }) => (weighted ? weight : 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => chance(fraction(weight, sum)));
}

/** Asks the scheduler itself, as it is right after it was set up; what it draws is drawn in every way. */
function scheduled(walk: Walk, { scheduler, flags, servers }: KernelServer): RealServer | undefined {
  const backends = servers.map(({ addr, weight }) => ({ id: formatSocketAddr(addr), weight }));
  const random = {
    u32: () => walk.draw([chance(fraction(1, 1))]),
    below: (n: number) => walk.draw(Array.from({ length: n }, () => chance(fraction(1, n)))),
  };
  const options = { algorithm: scheduler, ...schedulerOptions(scheduler, flags) } as BalancerOptions;
  const lease = createBalancer(options, backends, { random, clock: manualClock() }).acquire(flowOf(walk.packet));
  return servers.find(({ addr }) => formatSocketAddr(addr) === lease?.backend);
}

function flowOf({ proto, src, srcPort, dst, dstPort }: Packet): Flow {
  return { proto: proto as Flow["proto"], src, srcPort, dst, dstPort };
}

function serverText(server: KernelServer): string {
  const { scheduler, flags, persistenceSeconds } = server;
  const place =
    "fwmark" in server
      ? `-f ${server.fwmark}${server.family === 6 ? " -6" : ""}`
      : `${protocolFlag(server.proto)} ${formatSocketAddr(server.addr)}`;
  const persistence = persistenceSeconds === 0 ? "" : ` -p ${persistenceSeconds}`;
  return `-A ${place} -s ${scheduler}${flags.length === 0 ? "" : ` -b ${flags.join(",")}`}${persistence}`;
}

function protocolFlag(proto: Flow["proto"]): string {
  return { tcp: "-t", udp: "-u", sctp: "--sctp-service" }[protocolName(proto)];
}

/** The addresses of virtual servers: packets to them are the node's own. */
export function virtualAddresses(servers: readonly KernelServer[]): readonly SocketAddr["ip"][] {
  return servers.flatMap((server) => ("fwmark" in server ? [] : [server.addr.ip]));
}

/** Those of one family. */
export function ofFamily(servers: readonly KernelServer[], family: Family): readonly KernelServer[] {
  return servers.filter((server) => ("fwmark" in server ? server.family : familyOf(server.addr.ip)) === family);
}
