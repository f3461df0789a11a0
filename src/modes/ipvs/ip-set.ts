import type { Cidr } from "../../net/cidr.ts";
import type { Protocol } from "../../net/flow.ts";

/** An option of a set or an entry: `maxelem 65536`, `counters`, `comment "x"`. */
export interface SetOption {
  readonly name: string;
  /** Absent: the name says it all. */
  readonly value?: string;
}

/** One dimension of an entry. */
export type SetPart =
  /** An address is a range of its own. */
  | { readonly kind: "range"; readonly range: Cidr }
  /** Without a protocol only in sets of ports alone. */
  | { readonly kind: "port"; readonly port: number; readonly proto?: Protocol }
  /** Anything else: an interface, another set, a type of ICMP; kube-proxy has none. */
  | { readonly kind: "word"; readonly text: string };

export interface SetEntry {
  /** In the order of the set's type. */
  readonly parts: readonly SetPart[];
  /** kube-proxy gives none. */
  readonly options?: readonly SetOption[];
}

/** A set of the kernel, ours or another's: a name in the rules for many addresses, ports, or both. */
export interface IpSet {
  /** At most 31 characters. */
  readonly name: string;
  /** `hash:ip,port`, `bitmap:port`, … */
  readonly type: string;
  readonly options: readonly SetOption[];
  /** The kernel lists those of a hash in an order of its own. */
  readonly entries: readonly SetEntry[];
}
