import type { KernelServer, RealServer } from "../../../modes/ipvs/tables.ts";
import { type Flow, formatSocketAddr, protocolName, type SocketAddr, TCP } from "../../../net/flow.ts";
import { type Family, familyOf, ipKey } from "../../../net/ip.ts";
import { ipvsSchedulers } from "../../../balancers/ipvs-schedulers.ts";
import type { PacketKind } from "../flow-states.ts";
import { schedulerFlags } from "../ipvs/scheduler-options.ts";
import { chance, type Chance } from "./choices.ts";
import { fraction } from "./fraction.ts";
import type { HookFunction } from "./hooks.ts";
import { type Packet, tcpFlagBits } from "./packet.ts";
import { type IpvsStart, type TracedServer, traceServer } from "./traced-ipvs.ts";
import type { HookVerdict, Walk } from "./walk.ts";

/** A virtual server made ready, or why nobody can tell what it does. */
type Traced = TracedServer | string;

/** IPVS's own hooks: at INPUT behind everything but NAT, at OUTPUT right behind NAT. Source: Linux, ip_vs_core.c. */
const INPUT_PRIORITY = 98;
const OUTPUT_PRIORITY = -99;

/**
 * Makes the virtual servers of one family ready. Each is set up when the first packet comes to it.
 *
 * @param start connections and templates; undefined: nobody told of any.
 */
export function ipvsHooks(
  servers: readonly KernelServer[],
  family: Family,
  start?: IpvsStart,
): readonly HookFunction[] {
  const byPlace = new Map(servers.map((server) => [placeOf(server), server]));
  const traced = new Map<KernelServer, Traced>();
  const tracedOf = (server: KernelServer): Traced => {
    const known = traced.get(server);
    if (known !== undefined) return known;
    const made = unknownIn(server) ?? traceServer(server, start ?? { entries: [], laterSeconds: 0 });
    traced.set(server, made);
    return made;
  };
  const run = (walk: Walk): HookVerdict => {
    if (walk.servedBy !== undefined || walk.packet.isReply) return "accept";
    const server = serverOf(walk.packet, byPlace, family);
    return server === undefined ? "accept" : serve(walk, server, tracedOf(server), start !== undefined);
  };
  return [
    { hook: "INPUT", priority: INPUT_PRIORITY, kind: "filter", run },
    { hook: "OUTPUT", priority: OUTPUT_PRIORITY, kind: "filter", run },
  ];
}

/** kube-proxy leaves it so where a service has no endpoints, or none that a policy lets it send to. */
export const NO_SERVERS = "has no servers";
/** Servers that drain have weight 0; others may have as many connections as their thresholds let them. */
export const NONE_TAKES = "has no server that takes connections";

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

function serve(walk: Walk, server: KernelServer, traced: Traced, isStartKnown: boolean): HookVerdict {
  const { packet } = walk;
  const flow = flowOf(packet);
  const kind = kindOf(packet);
  const settled = typeof traced === "string" ? undefined : traced.settled(flow, kind);
  if (settled === undefined && kind !== "open") return "accept";
  walk.passed += 1;
  if (typeof traced === "string") return end(walk, server, "undecided", traced);
  if (settled !== undefined) {
    const { by, to, leftSeconds } = settled;
    if (to === undefined) return end(walk, server, "drop", "the server of its connection was removed");
    const why = by === "connection" ? "as its connection says" : "as its client's template says";
    return forward(walk, server, to, `, ${why} (${leftSeconds} s left)`);
  }
  const to = choose(walk, server, traced, isStartKnown);
  if (to === undefined) return end(walk, server, "reject", server.servers.length === 0 ? NO_SERVERS : NONE_TAKES);
  return forward(walk, server, to, "");
}

/** What there is about a virtual server that nobody here can tell, in words. */
function unknownIn({ scheduler, flags, persistenceEngine }: KernelServer): string | undefined {
  if (!ipvsSchedulers.some((name) => name === scheduler)) return `the scheduler ${scheduler} is unknown`;
  const flag = flags.find((one) => !schedulerFlags.includes(one));
  if (flag !== undefined) return `the flag ${flag} of the scheduler is unknown`;
  return persistenceEngine === undefined ? undefined : `clients are told apart by what ${persistenceEngine} reads`;
}

/** Of UDP and SCTP any packet may open a connection. */
function kindOf({ proto, flags }: Packet): PacketKind {
  if (proto !== TCP) return "open";
  if ((flags & tcpFlagBits.RST) !== 0) return "client-rst";
  if ((flags & tcpFlagBits.FIN) !== 0) return "client-fin";
  return (flags & tcpFlagBits.SYN) !== 0 && (flags & tcpFlagBits.ACK) === 0 ? "open" : "request";
}

function end(walk: Walk, server: KernelServer, verdict: "undecided" | "drop" | "reject", why: string): HookVerdict {
  walk.endedBy = verdict === "reject" ? `ipvs: ${serverText(server)} ${why}` : `ipvs: ${serverText(server)}: ${why}`;
  note(walk, server, verdict === "undecided" ? "any of its servers, or none: undecided" : `${why}: ${verdict}`);
  return verdict;
}

function forward(walk: Walk, server: KernelServer, addr: SocketAddr, why: string): HookVerdict {
  const { packet } = walk;
  const to = { ip: addr.ip, port: addr.port === 0 ? packet.dstPort : addr.port };
  const chosen = server.servers.find((one) => formatSocketAddr(one.addr) === formatSocketAddr(addr));
  walk.servedBy = { ip: packet.dst, port: packet.dstPort };
  note(walk, server, `to ${formatSocketAddr(to)}${wayText(chosen)}${why}`, server.persistenceSeconds);
  redirect(packet, to);
  return "redirected";
}

function note(walk: Walk, server: KernelServer, effect: string, sticksSeconds = 0): void {
  walk.steps.push({
    hook: walk.hook,
    where: "ipvs",
    matched: true,
    rule: () => serverText(server),
    effect,
    ...(sticksSeconds === 0 ? {} : { sticksSeconds }),
  });
}

function wayText(server: RealServer | undefined): string {
  const { forwarding } = server ?? {};
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

/** Schedulers that remember what they sent where, in tables that no dump shows. */
const remembering: ReadonlySet<string> = new Set(["lblc", "lblcr"]);

function choose(
  walk: Walk,
  { scheduler, persistenceSeconds }: KernelServer,
  traced: TracedServer,
  isStartKnown: boolean,
): SocketAddr | undefined {
  const some = traced.usable();
  if (!isStartKnown && persistenceSeconds > 0)
    walk.assumptions.add("no client of IPVS has a template of persistence yet");
  if (scheduler === "rr" || scheduler === "wrr") {
    if (some.length < 2) return some[0]?.addr;
    walk.assumptions.add(`where the scheduler ${scheduler} stands is unknown: any turn is as likely`);
    // As they were added, the oldest first.
    const servers = some.toReversed();
    return servers[walk.draw(turns(servers, scheduler === "wrr"))]?.addr;
  }
  if (!isStartKnown && some.length > 1) {
    walk.assumptions.add(`no server of IPVS has a connection yet: the scheduler ${scheduler} goes by the list`);
  }
  if (remembering.has(scheduler)) walk.assumptions.add(`the scheduler ${scheduler} remembers no destination yet`);
  // What it draws is drawn in every way.
  return traced.scheduled(flowOf(walk.packet), {
    u32: () => walk.draw([chance(fraction(1, 1))]),
    below: (n: number) => walk.draw(Array.from({ length: n }, () => chance(fraction(1, n)))),
  });
}

function turns(servers: readonly { readonly weight: number }[], weighted: boolean): readonly Chance[] {
  const weights = servers.map(({ weight }) => (weighted ? weight : 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => chance(fraction(weight, sum)));
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
