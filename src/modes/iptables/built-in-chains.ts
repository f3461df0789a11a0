import type { TableName } from "./ruleset.ts";

/** The chains that the kernel itself has, in the order in which iptables-save lists them. */
export const builtInChains: { readonly [T in TableName]: readonly string[] } = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
  security: ["INPUT", "FORWARD", "OUTPUT"],
};
