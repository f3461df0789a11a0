/** Bits of a packet's headers by their place: `@nh,96,32`, `@th,16,16`. */
import type { Family, Ip } from "../../../../net/ip.ts";
import type { Packet } from "../packet.ts";
import { type Absent, UNKNOWN } from "./value.ts";

/** Some bits of a header, which are one value. Bits count from the first of the header. */
interface Field {
  readonly offset: number;
  readonly bits: number;
  /** @returns undefined: nobody can tell. */
  read(packet: Packet): number | undefined;
}

/** A value that is wider has no meaning here: JSON's numbers are not exact beyond 53 bits. */
const WIDEST = 32;

/**
 * Reads bits of the network or transport header, as far as it is known of a packet: version, length, protocol and
 * addresses; ports; TCP's flags; ICMP's type and code.
 *
 * @param base `nh`, `th`; of any other, such as `ll`, nothing is known.
 * @param mask of the bits that are asked for; others are 0, and need not be known.
 */
export function rawBits(
  packet: Packet,
  base: string,
  offset: number,
  bits: number,
  mask = 0xffff_ffff,
): number | Absent {
  if (bits < 1 || bits > WIDEST) return UNKNOWN;
  const fields = fieldsOf(packet, base);
  const end = offset + bits;
  let value = 0;
  for (let at = offset; at < end;) {
    const field = fields.find((one) => one.offset <= at && at < one.offset + one.bits);
    const last = field === undefined ? at + 1 : field.offset + field.bits;
    const taken = Math.min(end, last) - at;
    const asked = Math.floor(mask / 2 ** (end - at - taken)) % 2 ** taken;
    const whole = asked === 0 ? 0 : field?.read(packet);
    if (whole === undefined) return UNKNOWN;
    const part = Math.floor(whole / 2 ** (last - at - taken)) % 2 ** taken;
    value = value * 2 ** taken + ((part & asked) >>> 0);
    at += taken;
  }
  return value;
}

/** Whether any of the bits decide where a packet of a family goes: what is written there cannot be passed over. */
export function isDeciding(family: Family, base: string, offset: number, bits: number): boolean {
  const fields = base === "nh" ? network[family] : base === "th" ? ofTcp : none;
  return fields.some((one) => one.offset < offset + bits && offset < one.offset + one.bits);
}

const word = (ip: Ip, which: "w0" | "w1" | "w2" | "w3"): number => (typeof ip === "number" ? ip : ip[which]);
const words = ["w0", "w1", "w2", "w3"] as const;

/** Source: RFC 791, section 3.1; RFC 8200, section 3. Packets have no extension headers here. */
const network: Readonly<Record<Family, readonly Field[]>> = {
  4: [
    { offset: 0, bits: 4, read: () => 4 },
    { offset: 16, bits: 16, read: ({ length }) => length },
    { offset: 72, bits: 8, read: ({ proto }) => proto },
    { offset: 96, bits: 32, read: ({ src }) => word(src, "w0") },
    { offset: 128, bits: 32, read: ({ dst }) => word(dst, "w0") },
  ],
  6: [
    { offset: 0, bits: 4, read: () => 6 },
    { offset: 32, bits: 16, read: ({ length }) => (length === undefined ? undefined : length - 40) },
    { offset: 48, bits: 8, read: ({ proto }) => proto },
    ...words.map((which, at) => ({ offset: 64 + 32 * at, bits: 32, read: ({ src }: Packet) => word(src, which) })),
    ...words.map((which, at) => ({ offset: 192 + 32 * at, bits: 32, read: ({ dst }: Packet) => word(dst, which) })),
  ],
};

/** A port that was drawn may be any. */
const ports: readonly Field[] = [
  { offset: 0, bits: 16, read: ({ srcPort, srcPorts }) => (srcPorts === undefined ? srcPort : undefined) },
  { offset: 16, bits: 16, read: ({ dstPort, dstPorts }) => (dstPorts === undefined ? dstPort : undefined) },
];
/** Source: RFC 9293, section 3.1. */
const tcpFlags: readonly Field[] = [{ offset: 104, bits: 8, read: ({ flags }) => flags }];
const icmp: readonly Field[] = [
  { offset: 0, bits: 8, read: (packet) => packet.icmp?.type },
  { offset: 8, bits: 8, read: (packet) => packet.icmp?.code },
];
/** TCP, UDP, DCCP, SCTP and UDP-Lite have their ports at the same place. */
const withPorts: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);
const none: readonly Field[] = [];
const ofTcp: readonly Field[] = [...ports, ...tcpFlags];

function fieldsOf({ family, proto }: Packet, base: string): readonly Field[] {
  if (base === "nh") return network[family];
  if (base !== "th") return none;
  if (proto === 6) return ofTcp;
  if (withPorts.has(proto)) return ports;
  return proto === 1 || proto === 58 ? icmp : none;
}
