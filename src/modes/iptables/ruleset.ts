import type { Cidr } from "../../net/cidr.ts";
import type { Protocol, SocketAddr } from "../../net/flow.ts";
import type { Family } from "../../net/ip.ts";
import type { ForeignMatch, ForeignTarget, PortRange } from "./foreign.ts";

export type TableName = "raw" | "mangle" | "nat" | "filter" | "security";
export type ConntrackState = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED" | "DNAT" | "SNAT";

/** A condition on the packet. A rule applies when all of its conditions hold; `not` turns one round. */
export type Match = OwnMatch | ForeignMatch;

/** The conditions that kube-proxy's own rules have. */
export type OwnMatch =
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
  | { readonly kind: "statistic-random"; readonly threshold: number; readonly not?: true }
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
export type Target = OwnTarget | ForeignTarget;

/** The targets that kube-proxy's own rules have. */
export type OwnTarget =
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "goto"; readonly chain: string }
  | { readonly kind: "accept" | "drop" | "return" }
  /** @property with the answer in iptables' words; absent: ICMP port unreachable. */
  | { readonly kind: "reject"; readonly with?: string }
  /** mark = (mark & ~mask) ^ value: `--or-mark M` is value M, mask M; `--xor-mark M` is value M, mask 0. */
  | { readonly kind: "mark"; readonly value: number; readonly mask: number }
  /** @property ports the source port is one of them. */
  | {
      readonly kind: "masquerade";
      readonly randomFully: boolean;
      readonly random?: true;
      readonly ports?: PortRange;
    }
  /** With port 0 the packet keeps its port. */
  | { readonly kind: "dnat"; readonly to: SocketAddr }
  /** With port 0 the packet keeps its port. */
  | { readonly kind: "redirect"; readonly port: number };

/** What a kernel counted; up to 2⁶⁴, and so no plain numbers. */
export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** A rule without a target only has its matches' side effects, and counts. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target?: Target;
  /** Only of a dump that shows them. */
  readonly counters?: Counters;
}

export interface Chain {
  readonly name: string;
  /** Only built-in chains have one. */
  readonly policy?: "ACCEPT" | "DROP";
  /** Of packets that met the policy; absent: none. */
  readonly counters?: Counters;
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
}

/** A ruleset of one family, compiled or read: plain data, to be rendered, interpreted or compared. */
export interface IptablesRuleset {
  readonly family: Family;
  readonly tables: readonly Table[];
  /** Of a compiled one: for so many endpoints that kube-proxy does without what costs much. */
  readonly manyEndpoints?: true;
}
