import type { Cidr } from "../../net/cidr.ts";
import type { Protocol, SocketAddr } from "../../net/flow.ts";
import type { Family } from "../../net/ip.ts";

export type TableName = "raw" | "mangle" | "nat" | "filter";
export type ConntrackState = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED" | "DNAT" | "SNAT";

/** A condition on the packet. A rule applies when all of its conditions hold; `not` turns one round. */
export type Match =
  | { readonly kind: "source"; readonly range: Cidr; readonly not?: true }
  | { readonly kind: "destination"; readonly range: Cidr; readonly not?: true }
  /** A trailing `+` matches any rest of the name. */
  | { readonly kind: "in-interface"; readonly name: string; readonly not?: true }
  | { readonly kind: "out-interface"; readonly name: string; readonly not?: true }
  | { readonly kind: "protocol"; readonly proto: Protocol; readonly not?: true }
  /** `-m tcp|udp|sctp [--dport N]`; the protocol stands in a `protocol` match of its own. */
  | { readonly kind: "destination-port"; readonly proto: Protocol; readonly port: number; readonly not?: true }
  /** `-m tcp` alone: loads the module and matches every packet of the protocol. */
  | { readonly kind: "protocol-module"; readonly proto: Protocol }
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "mark"; readonly value: number; readonly mask: number; readonly not?: true }
  | { readonly kind: "conntrack-state"; readonly states: readonly ConntrackState[]; readonly not?: true }
  /** `-m state --state …`, the old form that the userspace mode writes. */
  | { readonly kind: "state"; readonly states: readonly ConntrackState[]; readonly not?: true }
  | { readonly kind: "source-type"; readonly type: "LOCAL"; readonly not?: true }
  | { readonly kind: "destination-type"; readonly type: "LOCAL"; readonly not?: true }
  /** `-m statistic --mode random`; the kernel compares 31 random bits with `threshold`, 0…2³¹. */
  | { readonly kind: "statistic-random"; readonly threshold: number }
  /** `-m recent --set`: remembers the source in the list; always holds. */
  | { readonly kind: "recent-set"; readonly list: string }
  /** `-m recent --rcheck --seconds S --reap`: the source was seen in the list at most S seconds ago. */
  | { readonly kind: "recent-check"; readonly list: string; readonly seconds: number }
  /** Counts the packet in a named counter; always holds. */
  | { readonly kind: "nfacct"; readonly counter: string }
  | { readonly kind: "set"; readonly set: string; readonly dimensions: readonly ("src" | "dst")[]; readonly not?: true }
  | { readonly kind: "physdev-is-in"; readonly not?: true }
  | { readonly kind: "ipvs"; readonly vaddr: Cidr; readonly proto: Protocol; readonly port: number };

/** What a rule does with a packet that it matches. */
export type Target =
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "goto"; readonly chain: string }
  | { readonly kind: "accept" | "drop" | "return" }
  /** Answers with ICMP port unreachable, iptables' default. */
  | { readonly kind: "reject" }
  /** mark = (mark & ~mask) ^ value: `--or-mark M` is value M, mask M; `--xor-mark M` is value M, mask 0. */
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  | { readonly kind: "masquerade"; readonly randomFully: boolean }
  | { readonly kind: "dnat"; readonly to: SocketAddr }
  | { readonly kind: "redirect"; readonly port: number };

/** A rule without a target only has its matches' side effects, and counts. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target?: Target;
}

export interface Chain {
  readonly name: string;
  /** Only built-in chains have one. */
  readonly policy?: "ACCEPT" | "DROP";
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
}

/** A compiled ruleset of one family: plain data, to be rendered, interpreted or compared. */
export interface IptablesRuleset {
  readonly family: Family;
  readonly tables: readonly Table[];
}
