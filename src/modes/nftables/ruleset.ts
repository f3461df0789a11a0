/**
 * A ruleset of nftables as plain data, in the form in which the kernel gives it back: sets are merged and sorted, a set
 * of one is a comparison where nft makes it one. It holds what kube-proxy writes and what any host may have; what is not
 * known here is kept as it came.
 *
 * Source: libnftables-json(5), nft 1.0.6.
 */
import type { Cidr } from "../../net/cidr.ts";
import type { Ip } from "../../net/ip.ts";

export const tableFamilies = ["ip", "ip6", "inet", "arp", "bridge", "netdev"] as const;
export type TableFamily = (typeof tableFamilies)[number];

/** What no type here describes, verbatim, as nft's JSON has it. Nothing may be concluded from it. */
export interface Unknown {
  readonly kind: "unknown";
  readonly json: unknown;
}

/** What becomes of a packet, or where it goes on. */
export type Verdict =
  | { readonly kind: "accept" | "drop" | "continue" | "return" }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

/** A value, or several, that do not depend on the packet. */
export type Constant =
  | { readonly kind: "ip"; readonly ip: Ip }
  | { readonly kind: "cidr"; readonly range: Cidr }
  | { readonly kind: "number"; readonly value: number }
  /** The numbers of 32 bits whose first `bits` bits are those of `value`. */
  | { readonly kind: "prefix"; readonly value: number; readonly bits: number }
  /** A name that nft knows (`tcp`, `established`), or one of an interface: then a trailing `*` matches any rest. */
  | { readonly kind: "text"; readonly text: string }
  /** Whether there is such a thing: `exists`, `missing`. */
  | { readonly kind: "flag"; readonly value: boolean }
  /** Both ends are in it. */
  | { readonly kind: "range"; readonly from: Constant; readonly to: Constant }
  /** Flags: one of them, or, under a mask, all. */
  | { readonly kind: "list"; readonly items: readonly Expression[] };

/** What is read off a packet, or drawn for it. */
export type Selector =
  /** A header's field: `ip saddr`, `th dport`, `icmp type`. `th` is the transport header, whichever it is. */
  | { readonly kind: "payload"; readonly protocol: string; readonly field: string }
  /** Bits of the link, network or transport header: `@nh,96,32`. */
  | { readonly kind: "payload-raw"; readonly base: string; readonly offset: number; readonly bits: number }
  | { readonly kind: "meta"; readonly key: string }
  /** Of the connection: `state`, `mark`, or with a direction `ip daddr`. */
  | { readonly kind: "ct"; readonly key: string; readonly dir?: string; readonly family?: string }
  /** Asks the routing table: `type`, `oif` or `oifname` for the address and whatever else `flags` name. */
  | { readonly kind: "fib"; readonly result: string; readonly flags: readonly string[] }
  /** `offset` + a random number, or a counter's next, below `mod`. */
  | { readonly kind: "numgen"; readonly mode: "random" | "inc"; readonly mod: number; readonly offset: number }
  /** `offset` + Jenkins' hash of the value below `mod`. Without a seed the kernel drew one. */
  | {
      readonly kind: "jhash";
      readonly of: Expression;
      readonly mod: number;
      readonly offset: number;
      readonly seed?: number;
    }
  /** The same of the whole flow, alike in both directions. */
  | { readonly kind: "symhash"; readonly mod: number; readonly offset: number };

export type BinaryOperator = "|" | "^" | "&" | "<<" | ">>";

export type Expression =
  | Constant
  | Selector
  | Verdict
  /** Several values as one key. */
  | { readonly kind: "concat"; readonly parts: readonly Expression[] }
  | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly operands: readonly [Expression, Expression] }
  /** An anonymous set, or map. */
  | { readonly kind: "set"; readonly elements: readonly Element[] }
  | { readonly kind: "set-reference"; readonly set: string }
  /** What a map has for the key. Where it has nothing, the rule ends there. */
  | { readonly kind: "map"; readonly key: Expression; readonly data: Expression }
  | Unknown;

/** What a set holds, with what comes with it. */
export interface Element {
  readonly key: Expression;
  /** Of a map. */
  readonly data?: Expression;
  readonly comment?: string;
  /** Its own, in place of the set's. */
  readonly timeoutSeconds?: number;
  /** What was left of it when the ruleset was listed. */
  readonly expiresSeconds?: number;
  /** Counters and limits that every look-up of the element runs. */
  readonly statements?: readonly Statement[];
}

export type MatchOperator = "==" | "!=" | "<" | ">" | "<=" | ">=" | "in";

/** One step of a rule. A match that does not hold ends the rule; a verdict ends it and decides. */
export type Statement =
  | Verdict
  /** `in`: one of the flags on the right is set. */
  | { readonly kind: "match"; readonly operator: MatchOperator; readonly left: Expression; readonly right: Expression }
  /** The verdict that the map has for the key; without one the rule ends there. */
  | { readonly kind: "vmap"; readonly key: Expression; readonly data: Expression }
  | { readonly kind: "mangle"; readonly target: Expression; readonly value: Expression }
  /** Puts an element into a set with time-outs, or takes it out; `update` begins its time-out anew. */
  | {
      readonly kind: "set-update";
      readonly operation: "add" | "update" | "delete";
      readonly set: string;
      readonly element: Element;
    }
  /** `address` may be a map to address and port. */
  | {
      readonly kind: "nat";
      readonly type: "snat" | "dnat";
      readonly family?: "ip" | "ip6";
      readonly address?: Expression;
      readonly port?: Expression;
      readonly flags: readonly string[];
    }
  | {
      readonly kind: "masquerade" | "redirect";
      readonly port?: Expression;
      readonly flags: readonly string[];
    }
  /** `type` is `tcp reset`, `icmp`, `icmpv6` or `icmpx`, the last three with a reason. */
  | { readonly kind: "reject"; readonly type?: string; readonly reason?: string }
  /** Counts; always holds. Without figures it was listed without state. */
  | { readonly kind: "counter"; readonly packets?: number; readonly bytes?: number }
  | { readonly kind: "counter-reference"; readonly counter: string }
  /** Holds up to a rate; `over`, beyond it. */
  | {
      readonly kind: "limit";
      readonly rate: number;
      readonly per: string;
      readonly burst?: number;
      readonly over?: boolean;
      readonly rateUnit?: string;
      readonly burstUnit?: string;
    }
  /** By option as JSON names it: `prefix`, `level`, `group`, … */
  | { readonly kind: "log"; readonly options: Readonly<Record<string, unknown>> }
  | { readonly kind: "notrack" }
  | Unknown;

/** Members that nft's JSON has and no type here, by name. */
export type Others = Readonly<Record<string, unknown>>;

export interface Rule {
  readonly statements: readonly Statement[];
  readonly comment?: string;
  readonly others?: Others;
}

/** Where the kernel calls a chain. */
export interface Hook {
  readonly type: string;
  readonly hook: string;
  /** Chains of one hook run in ascending order. */
  readonly priority: number;
  readonly policy?: string;
  /** Of family netdev. */
  readonly devices?: readonly string[];
}

export interface Chain {
  readonly name: string;
  /** Of a base chain. Others are only reached by jumps. */
  readonly base?: Hook;
  readonly comment?: string;
  readonly rules: readonly Rule[];
  readonly others?: Others;
}

/** The kernel's limit for a set to which packets add elements, where it was made without one. */
export const DYNAMIC_SIZE = 65_535;

/** A named set, or with `data` a map. */
export interface NamedSet {
  readonly name: string;
  /** Datatypes; several are a concatenation. Empty where nft told the type by an expression, which is in `others`. */
  readonly key: readonly string[];
  readonly data?: readonly string[];
  readonly flags: readonly string[];
  readonly timeoutSeconds?: number;
  readonly gcIntervalSeconds?: number;
  /** The most elements it may have. */
  readonly size?: number;
  readonly comment?: string;
  /** What each element gets that is added without any of its own. */
  readonly statements?: readonly Statement[];
  readonly elements: readonly Element[];
  readonly others?: Others;
}

/** A counter, a limit, a flow table, …: verbatim. */
export interface NamedObject {
  readonly type: string;
  readonly name: string;
  readonly members: Others;
}

export interface Table {
  readonly family: TableFamily;
  readonly name: string;
  readonly comment?: string;
  readonly flags?: readonly string[];
  /** Sets and maps. */
  readonly sets: readonly NamedSet[];
  readonly chains: readonly Chain[];
  readonly objects: readonly NamedObject[];
  readonly others?: Others;
}

/** Plain data, to be rendered, interpreted or compared. */
export interface NftablesRuleset {
  readonly tables: readonly Table[];
}
