import { type Cidr, formatCidr } from "../../net/cidr.ts";
import { type Protocol, protocolName } from "../../net/flow.ts";
import { type Family, formatIp } from "../../net/ip.ts";
import { savedProbability, writtenProbability } from "./probability.ts";
import { quoteComment } from "../quote.ts";

/** `restore`: as kube-proxy writes it for iptables-restore. `save`: as iptables-save prints it. */
export type RuleFormat = "restore" | "save";

/** Where the two formats spell the same thing differently. */
export interface Syntax {
  /** Conditions on addresses, interfaces and protocol stand in front of all others, in a fixed order. */
  readonly sorted: boolean;
  range(range: Cidr): string;
  comment(text: string): string;
  marked(value: number, mask: number): string;
  probability(threshold: number): string;
  recentSet(list: string): string;
  recentCheck(list: string, seconds: number): string;
  nfacct(counter: string): string;
  ipvsProtocol(proto: Protocol): string;
  readonly reject: string;
  markTarget(value: number, mask: number): string;
}

const ALL_BITS = 0xffff_ffff;

const restore: Syntax = {
  sorted: false,
  range: shortRange,
  comment: (text) => quoteComment(text, /^\w[\w./:-]*$/),
  marked: (value, mask) => `${hex8(value)}/${hex8(mask)}`,
  probability: writtenProbability,
  recentSet: (list) => `--name ${list} --set`,
  recentCheck: (list, seconds) => `--name ${list} --rcheck --seconds ${seconds} --reap`,
  nfacct: (counter) => `--nfacct-name ${counter}`,
  ipvsProtocol: protocolName,
  reject: "REJECT",
  markTarget(value, mask) {
    if (mask === value) return `MARK --or-mark ${hex8(value)}`;
    return mask === 0 ? `MARK --xor-mark ${hex8(value)}` : `MARK --set-xmark ${hex8(value)}/${hex8(mask)}`;
  },
};

function save(family: Family): Syntax {
  const mask = family === 4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  return {
    sorted: true,
    range: formatCidr,
    comment: (text) => quoteComment(text, /^[\w-]+$/),
    marked: (value, mask) => (mask === ALL_BITS ? hex(value) : `${hex(value)}/${hex(mask)}`),
    probability: savedProbability,
    recentSet: (list) => `--set --name ${list} --mask ${mask} --rsource`,
    recentCheck: (list, seconds) => `--rcheck --seconds ${seconds} --reap --name ${list} --mask ${mask} --rsource`,
    // Two blanks: so iptables prints it.
    nfacct: (counter) => `--nfacct-name  ${counter}`,
    ipvsProtocol: String,
    reject: `REJECT --reject-with ${family === 4 ? "icmp" : "icmp6"}-port-unreachable`,
    markTarget: (value, clear) => `MARK --set-xmark ${hex(value)}/${hex(clear)}`,
  };
}

export function syntaxOf(format: RuleFormat, family: Family): Syntax {
  return format === "restore" ? restore : save(family);
}

/**
 * A name of a chain, list, set, counter or interface that others chose: anything that is read back as one word. What a
 * cluster names is held to less, by `word`.
 */
export const plainName = /^[^\s\p{Cc}"\\!-][^\s\p{Cc}"\\]*$/u;

/** A range of one address is that address. */
export function shortRange(range: Cidr): string {
  const isHost = range.bits === (typeof range.base === "number" ? 32 : 128);
  return isHost ? formatIp(range.base) : formatCidr(range);
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function hex8(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
