import type { Expression } from "../../../../modes/nftables/ruleset.ts";
import { type Cidr, hostCidr } from "../../../../net/cidr.ts";
import type { Walk } from "../walk.ts";
import { prepareExpression, preparedSetOf, type TableSets } from "./expressions.ts";
import { isAbsent, MISSING } from "./value.ts";

/** The flag of a translation that replaces the network of an address alone. */
export const NETMAP = "netmap";

/** The network that a packet's address is moved to; `MISSING`: the map has none; undefined: nobody can tell. */
export type NetworkRead = (walk: Walk) => Cidr | typeof MISSING | undefined;

/** Makes the target of `dnat prefix to` ready: a network, or a map from networks to networks. */
export function prepareNetwork(target: Expression, sets: TableSets): NetworkRead {
  const fixed = networkOf(target);
  if (fixed !== undefined || target.kind !== "map") return () => fixed;
  const key = prepareExpression(target.key, sets);
  const map = preparedSetOf(target.data, sets, key.sorts);
  return (walk) => {
    const value = key.read(walk);
    if (value === MISSING) return MISSING;
    if (map === undefined || isAbsent(value)) return undefined;
    const found = map.find(value)?.data;
    if (found === undefined) return map.isPartial ? undefined : MISSING;
    return networkOf(found);
  };
}

function networkOf(expression: Expression): Cidr | undefined {
  if (expression.kind === "cidr") return expression.range;
  return expression.kind === "ip" ? hostCidr(expression.ip) : undefined;
}
