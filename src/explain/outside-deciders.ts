import type { NodeParts } from "./assemble-node.ts";

/** Who has chains that begin so, and decides about packets in other ways too. */
const deciders: readonly (readonly [prefix: string, what: string])[] = [
  ["CILIUM_", "Cilium's programs of eBPF"],
  ["ANTREA-", "Antrea's flows of Open vSwitch"],
  ["OVN-KUBE-", "OVN-Kubernetes' flows of Open vSwitch"],
];

/** What decides about packets of the node and is no rule of a dump, in words. */
export function outsideDeciders({ iptables = [] }: Pick<NodeParts, "iptables">): readonly string[] {
  return deciders
    .filter(([prefix]) =>
      iptables.some(({ tables }) => tables.some(({ chains }) => chains.some(({ name }) => name.startsWith(prefix)))),
    )
    .map(([, what]) => `${what} may decide before the rules do, and no dump has them`);
}
