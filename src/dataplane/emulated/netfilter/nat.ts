/**
 * What NAT does with the first packet of a connection, and with all others. Source: Linux, net/netfilter/nf_nat_core.c.
 */
import { type Cidr, maskIp } from "../../../net/cidr.ts";
import type { Ip, Ip4 } from "../../../net/ip.ts";
import { type Connection, type ConnectionTable, type Tuple, turned } from "./connection.ts";
import { jhashWords, scaled } from "./jhash.ts";
import type { Ports } from "./packet.ts";
import type { HookName, Walk } from "./walk.ts";

/** Which of a packet's addresses a hook rewrites. */
export type Manipulation = "destination" | "source";

/** Where to translate to. What is absent stays. */
export interface NatTo {
  readonly first?: Ip;
  /** Of a range of addresses; absent: `first` alone. */
  readonly last?: Ip;
  readonly ports?: Ports;
  /** The port is drawn, whether or not another would do. */
  readonly random?: boolean;
  /** A client has the same address towards all servers. */
  readonly persistent?: boolean;
}

export function manipulationOf(hook: HookName): Manipulation {
  return hook === "PREROUTING" || hook === "OUTPUT" ? "destination" : "source";
}

/** Settles one address of a new connection for good; the packet is rewritten behind the hook. */
export function bind(walk: Walk, what: Manipulation, to: NatTo): void {
  const { connection } = walk.packet;
  if (connection === undefined || isBound(connection, what)) return;
  const now = turned(connection.reply);
  const [next, drawn] = translated(walk.connections, now, what, to);
  if (drawn !== undefined) {
    if (what === "source") walk.packet.srcPorts = drawn;
    else walk.packet.dstPorts = drawn;
  }
  connection.reply = turned(next);
  if (what === "source") {
    connection.srcBound = true;
    connection.snat = !sameTuple(now, next) || drawn !== undefined;
  } else {
    connection.dstBound = true;
    connection.dnat = !sameTuple(now, next) || drawn !== undefined;
  }
}

/** Replaces the network of an address: its other bits stay. */
export function inNetwork(ip: Ip, { base, bits }: Cidr): Ip {
  const kept = wordsOf(maskIp(ip, bits));
  const network = wordsOf(base);
  return ipOfWords(wordsOf(ip).map((word, at) => (network[at]! | (word ^ kept[at]!)) >>> 0));
}

export function isBound({ dstBound, srcBound }: Connection, what: Manipulation): boolean {
  return what === "destination" ? dstBound : srcBound;
}

/** What no rule translates keeps its address, and its port where that is free. */
export function bindAsIs(walk: Walk, what: Manipulation): void {
  bind(walk, what, {});
}

/** Rewrites the packet as its connection was bound. */
export function rewrite(walk: Walk, what: Manipulation): void {
  const { packet } = walk;
  const { connection } = packet;
  if (connection === undefined) return;
  const { original, reply, dnat, snat } = connection;
  const applies = (what === "destination") === packet.isReply ? snat : dnat;
  if (!applies) return;
  if (what === "destination") {
    const to = packet.isReply ? { ip: original.src, port: original.srcPort } : { ip: reply.src, port: reply.srcPort };
    packet.dst = to.ip;
    if (packet.about === undefined) packet.dstPort = to.port;
  } else {
    const to = packet.isReply ? { ip: original.dst, port: original.dstPort } : { ip: reply.dst, port: reply.dstPort };
    packet.src = to.ip;
    if (packet.about === undefined) packet.srcPort = to.port;
  }
}

function translated(
  connections: ConnectionTable,
  now: Tuple,
  what: Manipulation,
  to: NatTo,
): [Tuple, drawn: Ports | undefined] {
  const source = what === "source";
  if (source && to.random !== true && staysInRange(connections, now, to)) return [now, undefined];
  const ip = chooseIp(now, to) ?? (source ? now.src : now.dst);
  const port = source ? now.srcPort : now.dstPort;
  const withPort = (number: number): Tuple =>
    source ? { ...now, src: ip, srcPort: number } : { ...now, dst: ip, dstPort: number };
  const isFree = (number: number): boolean => !connections.isTaken(turned(withPort(number)));
  if (port === 0) return [withPort(0), undefined];
  const { ports, random } = to;
  if (random !== true && keeps(port, ports, isFree)) return [withPort(port), undefined];
  if (ports === undefined && !source) return [withPort(port), undefined];
  const range = ports ?? rangeFor(port);
  if (range.first === range.last) return [withPort(range.first), undefined];
  const free = firstFree(range, isFree);
  return [withPort(free), source || random === true ? range : undefined];
}

/** A source that is where the rule wants it stays, as long as nobody else has it. */
function staysInRange(connections: ConnectionTable, now: Tuple, { first, last = first, ports }: NatTo): boolean {
  if (first === undefined || last === undefined) return false;
  const { src, srcPort } = now;
  const isInPorts = ports === undefined || (srcPort >= ports.first && srcPort <= ports.last);
  return isInPorts && !isBelow(src, first) && !isBelow(last, src) && !connections.isTaken(turned(now));
}

function isBelow(a: Ip, b: Ip): boolean {
  const [left, right] = [wordsOf(a), wordsOf(b)];
  const at = left.findIndex((word, place) => word !== right[place]);
  return at >= 0 && left[at]! < right[at]!;
}

function keeps(port: number, ports: Ports | undefined, isFree: (port: number) => boolean): boolean {
  if (ports === undefined) return isFree(port);
  return port >= ports.first && port <= ports.last && (ports.first === ports.last || isFree(port));
}

/** A port is replaced by one of its kind. */
function rangeFor(port: number): Ports {
  if (port < 512) return { first: 1, last: 511 };
  return port < 1024 ? { first: 600, last: 1023 } : { first: 1024, last: 65_535 };
}

function firstFree({ first, last }: Ports, isFree: (port: number) => boolean): number {
  for (let port = first; port <= last; port += 1) if (isFree(port)) return port;
  return first;
}

/** Out of a range a hash of the addresses chooses, the same at any time on any host. */
function chooseIp(now: Tuple, { first, last, persistent }: NatTo): Ip | undefined {
  if (first === undefined || last === undefined) return first;
  const [low, high] = [wordsOf(first), wordsOf(last)];
  const source = wordsOf(now.src).map(swapped);
  const destination = wordsOf(now.dst).map(swapped);
  const padded = [...source, 0, 0, 0].slice(0, 4);
  let hash = jhashWords(padded, persistent === true ? 0 : destination.at(-1)!);
  let full = false;
  const chosen = low.map((word, at) => {
    const [from, to] = full ? [0, 0xffff_ffff] : [word, high[at]!];
    const value = (from + scaled(hash, to - from + 1)) >>> 0;
    if (value !== high[at]) full = true;
    if (persistent !== true) hash = (hash ^ destination[at]!) >>> 0;
    return value;
  });
  return ipOfWords(chosen);
}

/** One word is an address of IPv4. */
function ipOfWords([w0, w1, w2, w3]: readonly number[]): Ip {
  return w1 === undefined ? (w0 as Ip4) : { w0: w0!, w1, w2: w2!, w3: w3! };
}

function wordsOf(ip: Ip): readonly number[] {
  return typeof ip === "number" ? [ip] : [ip.w0, ip.w1, ip.w2, ip.w3];
}

/** As a host whose least octet comes first reads a word of the network. */
function swapped(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

function sameTuple(a: Tuple, b: Tuple): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
