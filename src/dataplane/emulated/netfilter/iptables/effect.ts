import { assertNever } from "../../../../core/errors.ts";
import type { ForeignTarget, NatRange } from "../../../../modes/iptables/foreign.ts";
import type { OwnTarget, Target } from "../../../../modes/iptables/ruleset.ts";
import { formatSocketAddr } from "../../../../net/flow.ts";
import { formatIp, type Ip, type Ip4 } from "../../../../net/ip.ts";
import { markedBy } from "../../packet.ts";
import { chosenRoute } from "../chosen-route.ts";
import { bind, inNetwork, manipulationOf, type NatTo } from "../nat.ts";
import type { HookVerdict, Walk } from "../walk.ts";

/** What a target did: the packet goes on to the next rule, or something else happens; and in words. */
export interface Effect {
  readonly next: "next" | "return" | HookVerdict;
  readonly text: string;
}

/** A target that is no jump. */
export type PlainTarget = Exclude<Target, { readonly kind: "jump" | "goto" }>;

/** Lets a target do to the packet what it does. @param name of the rule, for what cannot be told. */
export function act(walk: Walk, target: PlainTarget | undefined, doubt: (why: string) => boolean): Effect {
  if (target === undefined) return { next: "next", text: "counted" };
  switch (target.kind) {
    case "accept":
      return { next: "accept", text: "accept" };
    case "drop":
    case "return":
      return { next: target.kind, text: target.kind };
    case "reject":
      return { next: "reject", text: target.with === undefined ? "reject" : `reject with ${target.with}` };
    case "mark": {
      walk.packet.mark = markedBy(walk.packet.mark, target);
      return { next: "next", text: `mark ${hex(walk.packet.mark)}` };
    }
    case "masquerade":
    case "dnat":
    case "redirect":
      return translate(walk, target);
    default:
      return actForeign(walk, target, doubt);
  }
}

function translate(
  walk: Walk,
  target: Extract<OwnTarget, { readonly kind: "masquerade" | "dnat" | "redirect" }>,
): Effect {
  switch (target.kind) {
    case "masquerade":
      return masquerade(walk, target);
    case "dnat": {
      const { ip, port } = target.to;
      bind(walk, "destination", { first: ip, ...(port === 0 ? {} : { ports: { first: port, last: port } }) });
      return { next: "accept", text: `destination ${port === 0 ? formatIp(ip) : formatSocketAddr(target.to)}` };
    }
    case "redirect":
      return redirect(walk, target.port === 0 ? undefined : { first: target.port, last: target.port }, false);
  }
}

function masquerade(walk: Walk, target: Extract<OwnTarget, { readonly kind: "masquerade" }>): Effect {
  const { packet, routing } = walk;
  const route = chosenRoute(walk, packet.dst);
  const ip = route && routing.masqueradeSource(route, packet.dst);
  if (ip === undefined) {
    walk.endedBy = "the interface that it leaves by has no address to masquerade with";
    return { next: "drop", text: "masquerade: no address" };
  }
  const random = target.randomFully || target.random === true;
  bind(walk, "source", { first: ip, random, ...(target.ports === undefined ? {} : { ports: target.ports }) });
  return { next: "accept", text: `masquerade: source ${formatIp(ip)}` };
}

function redirect(walk: Walk, ports: NatTo["ports"], random: boolean): Effect {
  const { packet, routing, hook } = walk;
  const ip =
    hook === "OUTPUT" || packet.inInterface === "lo"
      ? loopbackOf(packet.dst)
      : routing.firstAddress(packet.inInterface, packet.family);
  if (ip === undefined) {
    walk.endedBy = "the interface that it came in by has no address to redirect to";
    return { next: "drop", text: "redirect: no address" };
  }
  bind(walk, "destination", { first: ip, random, ...(ports === undefined ? {} : { ports }) });
  return { next: "accept", text: `redirect to ${formatIp(ip)}${ports === undefined ? "" : ` port ${ports.first}`}` };
}

function loopbackOf(ip: Ip): Ip {
  return typeof ip === "number" ? (0x7f00_0001 as Ip4) : { w0: 0, w1: 0, w2: 0, w3: 1 };
}

function actForeign(walk: Walk, target: ForeignTarget, doubt: (why: string) => boolean): Effect {
  const { packet } = walk;
  const { connection } = packet;
  switch (target.kind) {
    case "log":
    case "nflog":
    case "trace":
      return { next: "next", text: target.kind };
    case "set-connection-mark":
      if (connection !== undefined) connection.mark = markedBy(connection.mark, target);
      return { next: "next", text: `connection mark ${hex(connection?.mark ?? 0)}` };
    case "save-mark": {
      const { packetMask, connectionMask } = target;
      if (connection !== undefined) {
        connection.mark = ((connection.mark & ~connectionMask) ^ (packet.mark & packetMask)) >>> 0;
      }
      return { next: "next", text: `connection mark ${hex(connection?.mark ?? 0)}` };
    }
    case "restore-mark": {
      const { packetMask, connectionMask } = target;
      if (connection !== undefined) {
        packet.mark = ((packet.mark & ~packetMask) ^ (connection.mark & connectionMask)) >>> 0;
      }
      return { next: "next", text: `mark ${hex(packet.mark)}` };
    }
    case "snat":
    case "dnat-range": {
      const random = target.random === true || ("randomFully" in target && target.randomFully === true);
      const persistent = target.persistent === true;
      bind(walk, target.kind === "snat" ? "source" : "destination", { ...natTo(target.to), random, persistent });
      return { next: "accept", text: `${manipulationOf(walk.hook)} ${rangeText(target.to)}` };
    }
    case "redirect-range":
      return redirect(walk, target.ports, target.random === true);
    case "netmap": {
      const what = manipulationOf(walk.hook);
      const first = inNetwork(what === "destination" ? packet.dst : packet.src, target.to);
      bind(walk, what, { first });
      return { next: "accept", text: `${what} ${formatIp(first)}` };
    }
    case "notrack":
      return untrack(walk);
    case "connection-tracking":
      return target.off === true ? untrack(walk) : setUpTracking(walk, target, doubt);
    case "tproxy":
      return transparent(walk, target, doubt);
    case "unknown":
      return actUnknown(walk, target.text, doubt);
    default:
      return assertNever(target);
  }
}

function natTo({ firstIp, lastIp, ports }: NatRange): NatTo {
  const single = firstIp !== undefined && lastIp !== undefined && formatIp(firstIp) === formatIp(lastIp);
  return {
    ...(firstIp === undefined ? {} : { first: firstIp }),
    ...(lastIp === undefined || single ? {} : { last: lastIp }),
    ...(ports === undefined ? {} : { ports }),
  };
}

function rangeText({ firstIp, lastIp, ports }: NatRange): string {
  const ips = [...new Set([firstIp, lastIp].filter((ip) => ip !== undefined).map(formatIp))].join("-");
  return ports === undefined ? ips : `${ips} ports ${ports.first}-${ports.last}`;
}

function untrack({ packet }: Walk): Effect {
  if (packet.connection === undefined) packet.state = "UNTRACKED";
  return { next: "next", text: "not tracked" };
}

/** Helpers and time-outs change nothing for a first packet; another zone has connections of its own. */
function setUpTracking(
  walk: Walk,
  { zone, originalZone, replyZone }: Extract<ForeignTarget, { readonly kind: "connection-tracking" }>,
  doubt: (why: string) => boolean,
): Effect {
  const named = zone ?? originalZone ?? replyZone;
  const text = "connection tracking is set up";
  if (named === undefined || !doubt(`which connections conntrack has in zone ${named}`)) return { next: "next", text };
  walk.endedBy = `CT: zones of conntrack are not told apart (${named})`;
  return { next: "undecided", text };
}

type Tproxy = Extract<ForeignTarget, { readonly kind: "tproxy" }>;

/** Takes the packet for a socket of this node, where one listens; without one the packet is dropped. */
function transparent(walk: Walk, { mark, port }: Tproxy, doubt: (why: string) => boolean): Effect {
  if (!doubt(`whether a transparent socket listens at port ${port}`)) {
    walk.endedBy = `TPROXY: no socket listens at port ${port}`;
    return { next: "drop", text: "no socket" };
  }
  if (mark !== undefined) walk.packet.mark = markedBy(walk.packet.mark, mark);
  walk.takenBySocket = true;
  return { next: "accept", text: `taken by the socket at port ${port}` };
}

/** Targets that change nothing about where a packet goes. */
const harmless = new Set(
  "AUDIT CHECKSUM CLASSIFY CONNSECMARK DSCP ECN HL IDLETIMER LED RATEEST SECMARK TEE TCPMSS TCPOPTSTRIP TOS TTL ULOG".split(
    " ",
  ),
);

function actUnknown(walk: Walk, text: string, doubt: (why: string) => boolean): Effect {
  const [name = ""] = text.split(" ");
  if (harmless.has(name)) return { next: "next", text: name };
  if (!doubt(`what ${text} does is not understood`)) return { next: "next", text: `${name}, as if it did nothing` };
  walk.endedBy = `${text}: what it does is not understood`;
  return { next: "undecided", text: name };
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
