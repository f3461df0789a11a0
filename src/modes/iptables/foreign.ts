import type { Cidr } from "../../net/cidr.ts";
import type { Protocol } from "../../net/flow.ts";
import type { Family, Ip } from "../../net/ip.ts";
import type { ConntrackState } from "./ruleset.ts";

/** A value that an option asks for, or one that it must not have: `--sport 53`, `! --sport 53`. */
export type Said<T> = { readonly is: T } | { readonly not: T };

/** Ports `first` to `last`, 0…65535; a single port is both. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const tcpFlags = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"] as const;
export type TcpFlag = (typeof tcpFlags)[number];

export const addressTypes = [
  "UNSPEC",
  "UNICAST",
  "LOCAL",
  "BROADCAST",
  "ANYCAST",
  "MULTICAST",
  "BLACKHOLE",
  "UNREACHABLE",
  "PROHIBIT",
  "THROW",
  "NAT",
  "XRESOLVE",
] as const;
export type AddressType = (typeof addressTypes)[number];

/** So many packets a unit of time. */
export interface Rate {
  readonly count: number;
  readonly per: "sec" | "min" | "hour" | "day";
}

/** How a packet's link says that it was sent. */
export const packetTypes = ["unicast", "broadcast", "multicast"] as const;
export const hashlimitModes = ["srcip", "srcport", "dstip", "dstport"] as const;

/**
 * Conditions that kube-proxy's rules never have and those of others do: Docker, CNI plugins, firewalls. One of them is
 * one `-m` with all of its options, or one option of the packet's head.
 */
export type ForeignMatch =
  /** A protocol that no service has, by its name or number as it stands in the text: `icmp`, `gre`, `47`. */
  | { readonly kind: "other-protocol"; readonly name: string; readonly not?: true }
  /** `-f`: the second and further fragments of a packet. */
  | { readonly kind: "fragment"; readonly not?: true }
  /** `-m tcp|udp|sctp` with more than a single destination port, which is a `destination-port`. */
  | {
      readonly kind: "header";
      readonly proto: Protocol;
      readonly source?: Said<PortRange>;
      readonly destination?: Said<PortRange>;
      /** Of the flags in `mask` those in `set` are set and the others are not. */
      readonly flags?: Said<{ readonly mask: readonly TcpFlag[]; readonly set: readonly TcpFlag[] }>;
      readonly option?: Said<number>;
    }
  /** One of the three is there; up to 15 ports, where a range counts as two. */
  | {
      readonly kind: "multiport";
      readonly sources?: Said<readonly PortRange[]>;
      readonly destinations?: Said<readonly PortRange[]>;
      readonly either?: Said<readonly PortRange[]>;
    }
  /** `-m conntrack` with more than states alone, which are a `conntrack-state`. */
  | {
      readonly kind: "conntrack";
      readonly states?: Said<readonly ConntrackState[]>;
      /** By its number. */
      readonly protocol?: Said<number>;
      readonly originalSource?: Said<Cidr>;
      readonly originalDestination?: Said<Cidr>;
      readonly replySource?: Said<Cidr>;
      readonly replyDestination?: Said<Cidr>;
      readonly originalSourcePort?: Said<PortRange>;
      readonly originalDestinationPort?: Said<PortRange>;
      readonly replySourcePort?: Said<PortRange>;
      readonly replyDestinationPort?: Said<PortRange>;
      readonly direction?: Said<"ORIGINAL" | "REPLY">;
    }
  | { readonly kind: "connection-mark"; readonly value: number; readonly mask: number; readonly not?: true }
  /** `-m addrtype` that asks for more than one LOCAL address. */
  | {
      readonly kind: "address-type";
      readonly source?: Said<readonly AddressType[]>;
      readonly destination?: Said<readonly AddressType[]>;
      readonly limitIn?: true;
      readonly limitOut?: true;
    }
  /** Every `every`-th packet, from number `packet` on, counted from 0. */
  | { readonly kind: "statistic-nth"; readonly every: Said<number>; readonly packet: number }
  /** `-m recent` in other forms than `recent-set` and `recent-check`; one of the first four is there. */
  | {
      readonly kind: "recent";
      readonly set?: Said<true>;
      readonly check?: Said<true>;
      readonly update?: Said<true>;
      readonly remove?: Said<true>;
      readonly seconds?: number;
      readonly reap?: true;
      readonly hitCount?: number;
      readonly sameTtl?: true;
      readonly list?: string;
      readonly mask?: Ip;
      readonly bySource?: true;
      readonly byDestination?: true;
    }
  /** @property burst packets at once; absent: 5. */
  | { readonly kind: "limit"; readonly rate: Rate; readonly burst?: number }
  /** One of `upTo` and `above` is there. */
  | {
      readonly kind: "hashlimit";
      readonly upTo?: Rate;
      readonly above?: Rate;
      readonly burst?: number;
      readonly modes?: readonly (typeof hashlimitModes)[number][];
      readonly name?: string;
      readonly tableSize?: number;
      readonly tableMax?: number;
      readonly collectMs?: number;
      readonly expireMs?: number;
      /** Prefix lengths. */
      readonly sourceBits?: number;
      readonly destinationBits?: number;
    }
  | { readonly kind: "mac-source"; readonly address: Said<string> }
  /** `-m iprange`; one of the two is there. */
  | { readonly kind: "address-range"; readonly source?: Said<AddressRange>; readonly destination?: Said<AddressRange> }
  /** `-m physdev` that asks for more than `physdev-is-in`. */
  | {
      readonly kind: "physdev";
      readonly in?: Said<string>;
      readonly isIn?: Said<true>;
      readonly out?: Said<string>;
      readonly isOut?: Said<true>;
      readonly isBridged?: Said<true>;
    }
  | {
      readonly kind: "icmp-type";
      readonly family: Family;
      readonly type: Said<{ readonly type: number | "any"; readonly code?: number }>;
    }
  | {
      readonly kind: "reverse-path";
      readonly loose?: true;
      readonly validMark?: true;
      readonly acceptLocal?: true;
      readonly invert?: true;
    }
  /** Of the whole packet, in octets. */
  | { readonly kind: "length"; readonly range: Said<PortRange> }
  | { readonly kind: "packet-type"; readonly type: Said<(typeof packetTypes)[number]> }
  /** Whether IPsec was used on the packet, or will be; with more options than these it is `unknown`. */
  | {
      readonly kind: "ipsec-policy";
      readonly direction: "in" | "out";
      readonly policy: "none" | "ipsec";
    }
  | {
      readonly kind: "owner";
      readonly socketExists?: Said<true>;
      readonly user?: Said<{ readonly first: number; readonly last: number }>;
      readonly group?: Said<{ readonly first: number; readonly last: number }>;
    }
  /** Anything else, as it stands in the text: `-m string --string "x" --algo bm`, or one option of the head. */
  | { readonly kind: "unknown"; readonly text: string };

/** Addresses of one family, both ends in it. */
export interface AddressRange {
  readonly first: Ip;
  readonly last: Ip;
}

/** Where to translate an address to: any of a range, or the port alone. */
export interface NatRange {
  readonly firstIp?: Ip;
  readonly lastIp?: Ip;
  readonly ports?: PortRange;
}

/** The bits of both marks that are copied. */
interface MarkMasks {
  readonly packetMask: number;
  readonly connectionMask: number;
}

/** Targets that kube-proxy's rules never have. */
export type ForeignTarget =
  | {
      readonly kind: "log";
      readonly prefix?: string;
      /** Of syslog, 0…7; absent: 4. */
      readonly level?: number;
      readonly tcpSequence?: true;
      readonly tcpOptions?: true;
      readonly ipOptions?: true;
      readonly user?: true;
      readonly decodeMac?: true;
    }
  | {
      readonly kind: "nflog";
      readonly prefix?: string;
      readonly group?: number;
      readonly rangeBytes?: number;
      readonly sizeBytes?: number;
      readonly threshold?: number;
    }
  /** As `mark`, of the connection. */
  | { readonly kind: "set-connection-mark"; readonly value: number; readonly mask: number }
  /** The connection's mark from the packet's, or the packet's from the connection's. */
  | ({ readonly kind: "save-mark" } & MarkMasks)
  | ({ readonly kind: "restore-mark" } & MarkMasks)
  | {
      readonly kind: "snat";
      readonly to: NatRange;
      readonly random?: true;
      readonly randomFully?: true;
      readonly persistent?: true;
    }
  /** DNAT to more than a single address, or by chance. */
  | { readonly kind: "dnat-range"; readonly to: NatRange; readonly random?: true; readonly persistent?: true }
  | { readonly kind: "redirect-range"; readonly ports?: PortRange; readonly random?: true }
  /** `-j NOTRACK`, the old form of `-j CT --notrack`. */
  | { readonly kind: "notrack" }
  | {
      readonly kind: "connection-tracking";
      readonly off?: true;
      readonly helper?: string;
      readonly timeout?: string;
      readonly events?: string;
      readonly expectations?: string;
      readonly zone?: string;
      readonly originalZone?: string;
      readonly replyZone?: string;
    }
  | {
      readonly kind: "tproxy";
      readonly port: number;
      readonly ip?: Ip;
      readonly mark?: { readonly value: number; readonly mask: number };
    }
  | { readonly kind: "trace" }
  /** The network of an address is replaced, the rest kept. */
  | { readonly kind: "netmap"; readonly to: Cidr }
  /** Anything else, as it stands in the text behind `-j`. */
  | { readonly kind: "unknown"; readonly text: string };
