import type { Cidr } from "../../net/cidr.ts";
import type { IptablesRuleset } from "../iptables/ruleset.ts";
import type { IpSet } from "./ip-set.ts";
import type { IpvsTimeouts } from "./surroundings.ts";
import type { Sysctl } from "./sysctls.ts";
import type { RealServer, ServerPlace, VirtualServer } from "./tables.ts";

/**
 * One change of a kernel. Each says what is to be afterwards: one that was done already may be done again, and changes
 * nothing then.
 */
export type Step =
  | { readonly kind: "set-sysctl"; readonly sysctl: Sysctl }
  | { readonly kind: "set-timeouts"; readonly timeouts: IpvsTimeouts }
  | { readonly kind: "add-device" | "delete-device"; readonly name: string }
  | { readonly kind: "add-address" | "delete-address"; readonly address: Cidr; readonly device: string }
  | { readonly kind: "add-set"; readonly set: IpSet }
  /** The set is filled under another name, and then takes the place of the old one in one go, which goes. */
  | { readonly kind: "replace-set"; readonly set: IpSet; readonly through: string }
  | { readonly kind: "delete-set"; readonly name: string }
  /** Without its real servers. */
  | { readonly kind: "add-virtual-server" | "edit-virtual-server"; readonly server: VirtualServer }
  | { readonly kind: "delete-virtual-server"; readonly place: ServerPlace }
  /** Weight 0 drains: no new connection, those that there are go on. */
  | { readonly kind: "add-real-server" | "edit-real-server"; readonly of: ServerPlace; readonly server: RealServer }
  | { readonly kind: "delete-real-server"; readonly of: ServerPlace; readonly server: RealServer }
  /** Chains that are there already have these rules afterwards and no others. None of them is the kernel's own. */
  | { readonly kind: "load-chains"; readonly ruleset: IptablesRuleset }
  /** Put in front of the rules of the kernel's own chains of one table, unless they are all there. */
  | { readonly kind: "add-jumps"; readonly ruleset: IptablesRuleset };
