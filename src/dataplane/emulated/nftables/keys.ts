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
 * Makes a selector or a concatenation ready to be read. A service's key of IPv4 is one number: a map of ten thousand
 * answers in some 20 ns.
 *
 * @throws {SluiceError} DATAPLANE_FAILED for what kube-proxy's rules do not look at.
 */
export function prepareKey(expression: Expression): KeyReader {
  return expression.kind === "concat" ? concatenated(expression.parts) : single(expression);
}

/** The address that a selector reads; undefined for any other. */
export function addressOf(expression: Expression): ((packet: Packet) => Ip) | undefined {
  if (expression.kind !== "payload") return undefined;
  if (expression.field === "saddr") return ({ src }) => src;
  return expression.field === "daddr" ? ({ dst }) => dst : undefined;
}

function single(expression: Expression): KeyReader {
  return { read: prepareRead(expression), of: constantKey };
}

const IP4_BITS = 32;
const PORT_BITS = 16;
/** TCP, UDP and SCTP differ in these bits. */
const PROTOCOL_BITS = 2;
const EXACT_BITS = 53;

function concatenated(parts: readonly Expression[]): KeyReader {
  const readers = parts.map(single);
  const widths = parts.map(bitsOf);
  const fits = widths.reduce((sum, bits) => sum + bits, 0) <= EXACT_BITS;
  const factors = widths.map((bits) => 2 ** bits);
  const join = (keyOf: (reader: KeyReader, at: number) => Key | undefined): Key | undefined => {
    let key = 0;
    const words: Key[] = [];
    for (let at = 0; at < readers.length; at += 1) {
      const part = keyOf(readers[at]!, at);
      if (part === undefined) return undefined;
      if (fits) key = key * factors[at]! + ((part as number) % factors[at]!);
      else words.push(part);
    }
    return fits ? key : words.join(" ");
  };
  return {
    read: (packet) => join((reader) => reader.read(packet))!,
    of: (constant) => (constant.kind === "concat" ? join((reader, at) => reader.of(constant.parts[at]!)) : undefined),
  };
}

/** How much of a number a part takes; more than there is for text. */
function bitsOf(expression: Expression): number {
  if (expression.kind === "meta" && expression.key === "l4proto") return PROTOCOL_BITS;
  if (expression.kind !== "payload") return EXACT_BITS + 1;
  if (expression.protocol === "ip") return IP4_BITS;
  return expression.protocol === "th" ? PORT_BITS : EXACT_BITS + 1;
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
