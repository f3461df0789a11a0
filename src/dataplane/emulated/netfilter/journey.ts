/** A packet's way through a node: the hooks in order, conntrack, NAT and routing between them. */
import { type Family, type Ip, isLoopback, sameIp } from "../../../net/ip.ts";
import { TCP } from "../../../net/flow.ts";
import { chosenRoute } from "./chosen-route.ts";
import { isReopened, mayOpen, openConnection, stateOf, type Tuple, turned } from "./connection.ts";
import type { HookFunction, Hooks } from "./hooks.ts";
import type { Route } from "./host-node.ts";
import { bindAsIs, isBound, manipulationOf, rewrite } from "./nat.ts";
import type { Packet } from "./packet.ts";
import { isInvalidTcp } from "./tcp-tracking.ts";
import type { HookName, HookVerdict, Walk } from "./walk.ts";

/** Where a packet ended. */
export type Arrival =
  /** A process of this node gets it. */
  | { readonly at: "local" }
  /** It leaves. */
  | { readonly at: "sent"; readonly device: string; readonly gateway?: Ip }
  | { readonly at: Stop; readonly by: string };

type Stop = "drop" | "reject" | "undecided";
/** What a hook ends with; `redirected` goes on by another way. */
type HookEnd = Extract<Arrival, { readonly by: string }> | { readonly at: "redirected" };

/**
 * Takes a packet through the node: from its `inInterface`, or, where the walk says so, from a process of the node.
 *
 * @param hooksOf of each family.
 */
export function travel(walk: Walk, hooksOf: (family: Family) => Hooks): Arrival {
  const hooks = hooksOf(walk.packet.family);
  return walk.isOwn ? send(walk, hooks) : receive(walk, hooks);
}

function receive(walk: Walk, hooks: Hooks): Arrival {
  const ended = stopAt(walk, "PREROUTING", hooks);
  if (ended !== undefined) return ended;
  const { packet } = walk;
  if (walk.takenBySocket) return deliver(walk, hooks);
  const martian = martianText(walk);
  if (martian !== undefined) return { at: "drop", by: martian };
  const route = chosenRoute(walk, packet.dst);
  if (route?.type === "local" || isForAll(walk)) return deliver(walk, hooks);
  const lost = lostText(route);
  if (lost !== undefined) return lost;
  packet.outInterface = route!.device;
  return stopAt(walk, "FORWARD", hooks) ?? leave(walk, hooks, route!);
}

function deliver(walk: Walk, hooks: Hooks): Arrival {
  const ended = runHook(walk, "INPUT", hooks);
  return ended?.at === "redirected" ? sendOn(walk, hooks) : (ended ?? { at: "local" });
}

/** What IPVS sends to a server passes OUTPUT as if it were the node's own; to a server of the node it stays inside. */
function sendOn(walk: Walk, hooks: Hooks): Arrival {
  const { packet } = walk;
  const route = chosenRoute(walk, packet.dst);
  const lost = lostText(route);
  if (lost !== undefined) return lost;
  if (route!.type === "local") return { at: "local" };
  packet.inInterface = "";
  packet.outInterface = route!.device;
  return stopAt(walk, "OUTPUT", hooks) ?? leave(walk, hooks, route!);
}

function leave(walk: Walk, hooks: Hooks, route: Route): Arrival {
  const ended = stopAt(walk, "POSTROUTING", hooks);
  if (ended !== undefined) return ended;
  const { device, gateway } = route;
  return gateway === undefined ? { at: "sent", device } : { at: "sent", device, gateway };
}

function send(walk: Walk, hooks: Hooks): Arrival {
  const { packet } = walk;
  const first = chosenRoute(walk, packet.dst);
  const lost = lostText(first);
  if (lost !== undefined) return lost;
  packet.outInterface = first!.device;
  const ended = runHook(walk, "OUTPUT", hooks);
  if (ended?.at === "redirected") return sendOn(walk, hooks);
  if (ended !== undefined) return ended;
  const route = chosenRoute(walk, packet.dst);
  const lostNow = lostText(route);
  if (lostNow !== undefined) return lostNow;
  packet.outInterface = route!.device;
  if (isLoopback(packet.src) && route!.device !== "lo" && !mayLeaveLoopback(walk)) {
    return { at: "drop", by: "routing: an address of loopback does not leave the node (route_localnet is off)" };
  }
  const left = leave(walk, hooks, route!);
  return left.at === "sent" && route!.device === "lo" ? comeBack(walk, hooks) : left;
}

/** What the node sends to itself comes in again by its loopback. */
function comeBack(walk: Walk, hooks: Hooks): Arrival {
  walk.packet.inInterface = "lo";
  walk.packet.outInterface = "";
  return stopAt(walk, "PREROUTING", hooks) ?? deliver(walk, hooks);
}

function mayLeaveLoopback({ packet, routing }: Walk): boolean {
  return packet.family === 4 && routing.node.routeLocalnet;
}

/** What the kernel refuses to route, whatever the rules say. */
function martianText({ packet, routing }: Walk): string | undefined {
  if (packet.inInterface === "lo") return undefined;
  const loopback = isLoopback(packet.src) || isLoopback(packet.dst);
  if (loopback && !(packet.family === 4 && routing.node.routeLocalnet)) {
    return "routing: loopback's addresses do not come in from outside (a martian)";
  }
  return !isLoopback(packet.src) && packet.family === 4 && routing.isLocal(packet.src)
    ? "routing: a packet from outside has the node's own source (a martian)"
    : undefined;
}

function isForAll({ packet, routing }: Walk): boolean {
  return packet.dst === 0xffff_ffff || routing.isBroadcast(packet.dst);
}

function lostText(route: Route | undefined): Arrival | undefined {
  if (route === undefined) return { at: "reject", by: "routing: no route to the destination" };
  if (route.type === "blackhole") return { at: "drop", by: "routing: a blackhole" };
  if (route.type === "unreachable" || route.type === "prohibit") {
    return { at: "reject", by: `routing: the destination is ${route.type}` };
  }
  return undefined;
}

/** A hook at which IPVS has nothing to say, or has said it. @returns undefined when the packet goes on. */
function stopAt(walk: Walk, hook: HookName, hooks: Hooks): Arrival | undefined {
  const ended = runHook(walk, hook, hooks);
  return ended?.at === "redirected" ? undefined : ended;
}

/** @returns undefined when the packet goes on. */
function runHook(walk: Walk, hook: HookName, hooks: Hooks): HookEnd | undefined {
  walk.hook = hook;
  const { beforeConntrack, beforeNat, nat, afterNat } = hooks[hook];
  const early = runAll(walk, beforeConntrack);
  if (early !== undefined) return early;
  const refused = hook === "PREROUTING" || hook === "OUTPUT" ? track(walk) : undefined;
  if (refused !== undefined) return refused;
  return runAll(walk, beforeNat) ?? (hook === "FORWARD" ? undefined : runNat(walk, nat)) ?? runAll(walk, afterNat);
}

function runAll(walk: Walk, functions: readonly HookFunction[]): HookEnd | undefined {
  for (const one of functions) {
    const ended = arrival(walk, one.run(walk));
    if (ended !== undefined) return ended;
  }
  return undefined;
}

function arrival(walk: Walk, verdict: HookVerdict): HookEnd | undefined {
  if (verdict === "accept") return undefined;
  return verdict === "redirected" ? { at: verdict } : { at: verdict, by: walk.endedBy };
}

/** Conntrack looks the packet up, once. @returns what it refuses. */
function track(walk: Walk): HookEnd | undefined {
  const { packet, connections } = walk;
  if (packet.connection !== undefined || packet.state === "UNTRACKED") return undefined;
  if (packet.about !== undefined) {
    trackError(walk, packet.about);
    return undefined;
  }
  const tuple = tupleOf(packet);
  const known = connections.find(tuple);
  if (known !== undefined && !isReopened(known.connection, known.isReply, packet.flags)) {
    if (packet.proto === TCP && isInvalidTcp(known.connection.tcpState, known.isReply, packet.flags)) {
      packet.state = "INVALID";
      return undefined;
    }
    packet.connection = known.connection;
    packet.isReply = known.isReply;
    packet.state = stateOf(known.connection, known.isReply);
  } else if (mayOpen(packet, connections)) {
    if (!hasRoom(walk)) return { at: "drop", by: fullText(walk) };
    packet.connection = openConnection(tuple);
    packet.state = "NEW";
  } else packet.state = "INVALID";
  return undefined;
}

/** Throwing out one that never was assured is tried in a few buckets of the table only. Source: Linux, `early_drop`. */
function hasRoom(walk: Walk): boolean {
  const { full } = walk.connections;
  if (full === undefined) return true;
  const rule = (): string => `net.netfilter.nf_conntrack_max = ${full.max}`;
  return (
    full.mayMakeRoom && walk.doubt("conntrack", rule, "whether an unassured connection is thrown out to make room")
  );
}

function fullText({ connections: { full } }: Walk): string {
  return `conntrack: the table is full (nf_conntrack_max ${full?.max}): new flows are dropped`;
}

/** An ICMP error belongs to the connection whose packet it holds, as it was sent; it goes the way of the answers to that. */
function trackError({ packet, connections }: Walk, about: Tuple): void {
  const known = connections.find(turned(about));
  if (known === undefined) return;
  const { connection, isReply } = known;
  if (!sameIp(packet.dst, (isReply ? connection.reply : connection.original).dst)) return;
  packet.connection = connection;
  packet.isReply = isReply;
  packet.state = "RELATED";
}

function tupleOf({ proto, src, srcPort, dst, dstPort }: Packet): Tuple {
  return { proto, src, srcPort, dst, dstPort };
}

/** Rules are asked about the first packet alone; whatever they said holds for the connection. */
function runNat(walk: Walk, chains: readonly HookFunction[]): HookEnd | undefined {
  const { connection } = walk.packet;
  if (connection === undefined) return undefined;
  const what = manipulationOf(walk.hook);
  if (walk.packet.about === undefined && !isBound(connection, what) && !connection.replied) {
    for (const chain of chains) {
      const ended = arrival(walk, chain.run(walk));
      if (ended !== undefined) return ended;
      if (isBound(connection, what)) break;
    }
    bindAsIs(walk, what);
  }
  rewrite(walk, what);
  return undefined;
}
