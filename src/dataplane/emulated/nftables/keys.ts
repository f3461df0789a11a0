import type { Expression, Selector } from "../../../modes/nftables/ruleset.ts";
import { type Protocol, protocolName, SCTP, TCP, UDP } from "../../../net/flow.ts";
import { type Ip, ipKey } from "../../../net/ip.ts";
import { notEmulated } from "../not-emulated.ts";
import type { Packet } from "../packet.ts";

/** What is compared and looked up: addresses of IPv6, names and long keys as text, all else as a number. */
export type Key = number | string;

/** Reads a key off a packet, and makes the same key of the constants of a set. */
export interface KeyReader {
  read(packet: Packet): Key;
  /** @returns undefined for what is no single value: a range of addresses. */
  of(constant: Expression): Key | undefined;
}

/**
 * Makes a selector ready to be read.
 *
 * @throws {SluiceError} DATAPLANE_FAILED for what kube-proxy's rules do not look at.
 */
export function prepareKey(expression: Expression): KeyReader {
  return { read: prepareRead(expression), of: constantKey };
}

const IP4_BITS = 32;
const PORT_BITS = 16;
/** TCP, UDP and SCTP differ in these bits. */
const PROTOCOL_BITS = 2;
const PROTOCOL_MASK = 2 ** PROTOCOL_BITS - 1;
const EXACT_BITS = 53;

/**
 * Makes a concatenation ready: as few keys as hold all its parts, one after the other. A service's address of IPv4,
 * protocol and port are one number together.
 *
 * @throws {SluiceError} as `prepareKey`.
 */
export function prepareKeys(expression: Expression): readonly KeyReader[] {
  if (expression.kind !== "concat") return [prepareKey(expression)];
  const groups: { from: number; to: number; bits: number }[] = [];
  for (const [at, part] of expression.parts.entries()) {
    const bits = bitsOf(part);
    const last = groups.at(-1);
    if (last === undefined || last.bits + bits > EXACT_BITS) groups.push({ from: at, to: at + 1, bits });
    else {
      last.to = at + 1;
      last.bits += bits;
    }
  }
  return groups.map(({ from, to }) => {
    const reader = packed(expression.parts.slice(from, to));
    return {
      read: reader.read,
      of: (constant) => (constant.kind === "concat" ? reader.of(constant.parts.slice(from, to)) : undefined),
    };
  });
}

interface PackedReader {
  read(packet: Packet): Key;
  of(constants: readonly Expression[]): Key | undefined;
}

/** Reads several parts as one number, and one part as it is. */
function packed([first, ...rest]: readonly Expression[]): PackedReader {
  const { read, of } = partReader(first!);
  if (rest.length === 0) return { read, of: ([constant]) => constant && of(constant) };
  const further = packed(rest);
  const factor = 2 ** rest.reduce((sum, part) => sum + bitsOf(part), 0);
  return {
    read: (packet) => (read(packet) as number) * factor + (further.read(packet) as number),
    of: ([constant, ...others]) => {
      const [head, tail] = [constant && of(constant), further.of(others)];
      return typeof head === "number" && typeof tail === "number" ? head * factor + tail : undefined;
    },
  };
}

function partReader(part: Expression): KeyReader {
  const reader = prepareKey(part);
  if (bitsOf(part) !== PROTOCOL_BITS) return reader;
  return {
    read: ({ proto }) => proto & PROTOCOL_MASK,
    of(constant) {
      const proto = reader.of(constant);
      return typeof proto === "number" ? proto & PROTOCOL_MASK : undefined;
    },
  };
}

/** How much of a number a part takes; more than there is for text. */
function bitsOf(expression: Expression): number {
  if (expression.kind === "meta" && expression.key === "l4proto") return PROTOCOL_BITS;
  if (expression.kind !== "payload") return EXACT_BITS + 1;
  if (expression.protocol === "ip") return IP4_BITS;
  return expression.protocol === "th" ? PORT_BITS : EXACT_BITS + 1;
}

/** The address that a selector reads; undefined for any other. */
export function addressOf(expression: Expression): ((packet: Packet) => Ip) | undefined {
  if (expression.kind !== "payload") return undefined;
  if (expression.field === "saddr") return ({ src }) => src;
  return expression.field === "daddr" ? ({ dst }) => dst : undefined;
}

function prepareRead(expression: Expression): (packet: Packet) => Key {
  switch (expression.kind) {
    case "payload":
      return payloadRead(expression);
    case "meta":
      if (expression.key === "l4proto") return ({ proto }) => proto;
      if (expression.key === "mark") return ({ mark }) => mark;
      if (expression.key === "iifname") return ({ inInterface }) => inInterface;
      throw notEmulated(`meta ${expression.key}`);
    case "binary":
      return binaryRead(expression);
    case "number": {
      const { value } = expression;
      return () => value;
    }
    default:
      throw notEmulated(`nftables: ${expression.kind}`);
  }
}

function payloadRead({ protocol, field }: Selector & { readonly kind: "payload" }): (packet: Packet) => Key {
  const isAddress = protocol === "ip" || protocol === "ip6";
  if (isAddress && field === "saddr") return ({ src }) => ipAsKey(src);
  if (isAddress && field === "daddr") return ({ dst }) => ipAsKey(dst);
  if (protocol === "th" && field === "dport") return ({ dstPort }) => dstPort;
  throw notEmulated(`${protocol} ${field}`);
}

function binaryRead({ operator, operands }: Expression & { readonly kind: "binary" }): (packet: Packet) => Key {
  const [left, right] = operands.map(prepareRead) as [(packet: Packet) => number, (packet: Packet) => number];
  switch (operator) {
    case "&":
      return (packet) => (left(packet) & right(packet)) >>> 0;
    case "|":
      return (packet) => (left(packet) | right(packet)) >>> 0;
    case "^":
      return (packet) => (left(packet) ^ right(packet)) >>> 0;
    default:
      throw notEmulated(`nftables: ${operator}`);
  }
}

function ipAsKey(ip: Ip): Key {
  return typeof ip === "number" ? ip : ipKey(ip);
}

const protocols = new Map<string, Protocol>(([TCP, UDP, SCTP] as const).map((proto) => [protocolName(proto), proto]));

function constantKey(constant: Expression): Key | undefined {
  switch (constant.kind) {
    case "ip":
      return ipAsKey(constant.ip);
    case "number":
      return constant.value;
    case "text":
      return protocols.get(constant.text) ?? constant.text;
    default:
      return undefined;
  }
}
