import type { IptablesRuleset } from "./iptables/ruleset.ts";
import type { IpvsTables } from "./ipvs/tables.ts";
import type { NftablesRuleset } from "./nftables/ruleset.ts";
import type { ForwardTable } from "./userspace/forward-table.ts";

/** The compiled data of a mode, for all families that it serves. */
export type Program =
  | { readonly mode: "userspace"; readonly table: ForwardTable }
  | { readonly mode: "iptables"; readonly rulesets: readonly IptablesRuleset[] }
  | { readonly mode: "nftables"; readonly ruleset: NftablesRuleset }
  | { readonly mode: "ipvs"; readonly tables: readonly IpvsTables[] };

export type Mode = Program["mode"];
export const modes = ["userspace", "iptables", "nftables", "ipvs"] as const satisfies readonly Mode[];
