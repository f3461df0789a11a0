import type { HostNode } from "../dataplane/emulated/netfilter/host-node.ts";
import type { NodeParts } from "./assemble-node.ts";

/** Names of interfaces that rules of iptables ask for and the node does not have, in the order of the rules. */
export function absentInterfaces({ iptables = [] }: NodeParts, { interfaces }: HostNode): readonly string[] {
  const known = ["lo", ...interfaces.map(({ name }) => name)];
  const names = new Set<string>();
  for (const { tables } of iptables) {
    for (const { chains } of tables) {
      for (const { rules } of chains) {
        for (const { matches } of rules) {
          for (const match of matches) {
            if (match.kind === "in-interface" || match.kind === "out-interface") names.add(match.name);
          }
        }
      }
    }
  }
  return [...names].filter((name) => !known.some((one) => isNamed(one, name)));
}

/** `cali+` stands for all names that begin so. */
function isNamed(name: string, asked: string): boolean {
  return asked.endsWith("+") ? name.startsWith(asked.slice(0, -1)) : name === asked;
}
