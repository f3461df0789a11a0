import { type Cidr, hostCidr, tryParseCidr } from "../../net/cidr.ts";
import { familyOf, formatIp, type Ip, tryParseIp } from "../../net/ip.ts";
import { quoteComment } from "../quote.ts";
import type { AddressRange, NatRange, PortRange, Rate, TcpFlag } from "./foreign.ts";
import { tcpFlags } from "./foreign.ts";
import { hex, plainName, shortRange } from "./syntax.ts";

/** How the value of an option stands in a text. What cannot be read is undefined, and stays text. */
export interface ValueText<T> {
  /** How many words it takes; 0: the option stands alone. */
  readonly words: 0 | 1 | 2;
  read(first: string, second: string): T | undefined;
  write(value: T): string;
}

function oneWord<T>(read: (word: string) => T | undefined, write: (value: T) => string): ValueText<T> {
  return { words: 1, read, write };
}

/** The option alone says it. */
export const alone: ValueText<true> = { words: 0, read: () => true, write: () => "" };

/** @param last the largest value, in decimal. */
export function upTo(last: number): ValueText<number> {
  return oneWord((text) => readNumber(text, last), String);
}

export const u32 = upTo(0xffff_ffff);

/** A name, never quoted. */
export const name: ValueText<string> = oneWord(
  (text) => (plainName.test(text) ? text : undefined),
  (text) => text,
);

/** Any text in quotes, where it needs them. */
export const quoted: ValueText<string> = oneWord(
  (text) => (/\p{Cc}/u.test(text) ? undefined : text),
  (text) => quoteComment(text, /^[\w-]+$/),
);

export function oneOf<T extends string>(all: readonly T[]): ValueText<T> {
  return oneWord(
    (text) => all.find((one) => one === text),
    (text) => text,
  );
}

/** Several of a list, with commas between them. */
export function someOf<T extends string>(all: readonly T[]): ValueText<readonly T[]> {
  return oneWord(
    (text) => readSome(text, all),
    (some) => some.join(","),
  );
}

function readSome<T extends string>(text: string, all: readonly T[]): readonly T[] | undefined {
  const some = text.split(",");
  return some.every((one) => (all as readonly string[]).includes(one)) ? (some as T[]) : undefined;
}

export const ports: ValueText<PortRange> = oneWord(
  (text) => readRange(text, ":", 0xffff),
  (range) => rangeText(range, ":"),
);

export const manyPorts: ValueText<readonly PortRange[]> = oneWord(
  (text) => {
    const all = text.split(",").map((part) => readRange(part, ":", 0xffff));
    return all.includes(undefined) ? undefined : (all as PortRange[]);
  },
  (all) => all.map((range) => rangeText(range, ":")).join(","),
);

/** `1024-2048`, as translations write ports. */
export const dashedPorts: ValueText<PortRange> = oneWord(
  (text) => readRange(text, "-", 0xffff),
  (range) => rangeText(range, "-"),
);

export const ids: ValueText<PortRange> = oneWord(
  (text) => readRange(text, "-", 0xffff_ffff),
  (range) => rangeText(range, "-"),
);

/** `10.0.0.1-10.0.0.9` */
export const addressRange: ValueText<AddressRange> = oneWord(
  (text) => {
    const [first, last, ...more] = text.split("-").map(tryParseIp);
    if (first === undefined || last === undefined || more.length > 0) return undefined;
    return familyOf(first) === familyOf(last) ? { first, last } : undefined;
  },
  ({ first, last }) => `${formatIp(first)}-${formatIp(last)}`,
);

export const ip: ValueText<Ip> = oneWord(tryParseIp, formatIp);

/** A range; one of a single address is that address. */
export const addresses: ValueText<Cidr> = oneWord((text) => {
  const single = tryParseIp(text);
  return single === undefined ? tryParseCidr(text) : hostCidr(single);
}, shortRange);

export const rate: ValueText<Rate> = oneWord(
  (text) => {
    const [, count, per] = /^(\d{1,9})\/(sec|min|hour|day)$/.exec(text) ?? [];
    return count === undefined ? undefined : { count: Number(count), per: per as Rate["per"] };
  },
  ({ count, per }) => `${count}/${per}`,
);

/** `0x1/0xff`, or `0x1` where every bit counts. */
export const marked: ValueText<{ readonly value: number; readonly mask: number }> = oneWord(
  readMarked,
  ({ value, mask }) => (mask === 0xffff_ffff ? hex(value) : `${hex(value)}/${hex(mask)}`),
);

/** `0x1/0xff`, whatever the mask. */
export const markedInFull: ValueText<{ readonly value: number; readonly mask: number }> = oneWord(
  readMarked,
  ({ value, mask }) => `${hex(value)}/${hex(mask)}`,
);

export const bits: ValueText<number> = oneWord((text) => readNumber(text, 0xffff_ffff), hex);

export const icmpType: ValueText<{ readonly type: number | "any"; readonly code?: number }> = oneWord(
  (text) => {
    if (text === "any") return { type: "any" };
    const [, type, code] = /^(\d{1,3})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    if (type === undefined || Number(type) > 255 || Number(code ?? 0) > 255) return undefined;
    return code === undefined ? { type: Number(type) } : { type: Number(type), code: Number(code) };
  },
  ({ type, code }) => (code === undefined ? String(type) : `${type}/${code}`),
);

export const mac: ValueText<string> = oneWord(
  (text) => (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? text.toLowerCase() : undefined),
  (text) => text,
);

/** `FIN,SYN,RST,ACK SYN`: the flags looked at, and those of them that are set. */
export const flagPair: ValueText<{ readonly mask: readonly TcpFlag[]; readonly set: readonly TcpFlag[] }> = {
  words: 2,
  read(first, second) {
    const [mask, set] = [readFlags(first), readFlags(second)];
    return mask === undefined || set === undefined ? undefined : { mask, set };
  },
  write: ({ mask, set }) => `${flagsText(mask)} ${flagsText(set)}`,
};

/** `1.2.3.4-1.2.3.9:1000-2000`, `[fd00::1]:80`, `:80`. */
export const natRange: ValueText<NatRange> = oneWord(readNatRange, natRangeText);

function readFlags(text: string): readonly TcpFlag[] | undefined {
  if (text === "ALL") return tcpFlags;
  return text === "NONE" ? [] : readSome(text, tcpFlags);
}

function flagsText(flags: readonly TcpFlag[]): string {
  return flags.length === 0 ? "NONE" : flags.join(",");
}

function readMarked(text: string): { value: number; mask: number } | undefined {
  const slash = text.indexOf("/");
  const value = readNumber(slash < 0 ? text : text.slice(0, slash), 0xffff_ffff);
  const mask = slash < 0 ? 0xffff_ffff : readNumber(text.slice(slash + 1), 0xffff_ffff);
  return value === undefined || mask === undefined ? undefined : { value, mask };
}

/** A whole number in decimal, or in hex behind `0x`. */
function readNumber(text: string, last: number): number | undefined {
  const value = /^(?:\d{1,10}|0[xX][0-9a-fA-F]{1,8})$/.test(text) ? Number(text) : Number.NaN;
  return value <= last ? value : undefined;
}

function readRange(text: string, separator: ":" | "-", last: number): PortRange | undefined {
  const at = text.indexOf(separator);
  if (at < 0) {
    const one = readNumber(text, last);
    return one === undefined ? undefined : { first: one, last: one };
  }
  // An end that is left out is the end of all ports.
  const [from, to] = [text.slice(0, at) || "0", text.slice(at + 1) || String(last)];
  const range = { first: readNumber(from, last), last: readNumber(to, last) };
  return range.first === undefined || range.last === undefined ? undefined : (range as PortRange);
}

function rangeText({ first, last }: PortRange, separator: ":" | "-"): string {
  return first === last ? String(first) : `${first}${separator}${last}`;
}

function readNatRange(text: string): NatRange | undefined {
  const colon = text.indexOf(":");
  const port = colon < 0 ? undefined : readNumber(text.slice(colon + 1), 0xffff);
  const firstIp = port === undefined ? undefined : tryParseIp(text.slice(0, colon));
  // The one form that there are many of.
  if (firstIp !== undefined) return { firstIp, lastIp: firstIp, ports: { first: port!, last: port! } };
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^[\]]*?))(?::(\d+(?:-\d+)?))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  // An IPv6 address without brackets has no port: what looks like one is its last group.
  if (bracketed === undefined && text.indexOf(":") !== text.lastIndexOf(":")) return readNatIps(text);
  const range = portText === undefined ? undefined : readRange(portText, "-", 0xffff);
  if (host === undefined || (portText !== undefined && range === undefined)) return undefined;
  const ips = host === "" ? {} : readNatIps(host);
  if (ips === undefined || (host === "" && range === undefined)) return undefined;
  return range === undefined ? ips : { ...ips, ports: range };
}

function readNatIps(text: string): NatRange | undefined {
  const [first = "", last = first, ...more] = text.split("-");
  const [firstIp, lastIp] = [tryParseIp(first), tryParseIp(last)];
  return firstIp === undefined || lastIp === undefined || more.length > 0 ? undefined : { firstIp, lastIp };
}

function natRangeText({ firstIp, lastIp, ports: range }: NatRange): string {
  const portText = range === undefined ? "" : `:${rangeText(range, "-")}`;
  if (firstIp === undefined) return portText;
  const [from, to] = [formatIp(firstIp), formatIp(lastIp ?? firstIp)];
  const host = from === to ? from : `${from}-${to}`;
  return typeof firstIp !== "number" && range !== undefined ? `[${host}]${portText}` : host + portText;
}
