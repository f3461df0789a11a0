import { assertNever } from "../../core/errors.ts";
import type { NodeView } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type Family, familyOf } from "../../net/ip.ts";
import type { Match } from "../iptables/ruleset.ts";
import type { LocalDetection } from "../local-detection.ts";

/** @returns undefined where traffic of the node's pods cannot be told: no range of this family, or no way at all. */
export function notLocal(detection: LocalDetection<Cidr>, family: Family, node: NodeView): Match | undefined {
  switch (detection.by) {
    case "none":
      return undefined;
    case "cluster-cidr":
      return outside(detection.ranges, family);
    case "node-cidr":
      return outside(node.podCidrs, family);
    case "bridge-interface":
      return { kind: "in-interface", name: detection.name, not: true };
    case "interface-prefix":
      return { kind: "in-interface", name: `${detection.prefix}+`, not: true };
    default:
      return assertNever(detection);
  }
}

/** Of each family the first range counts. */
function outside(ranges: readonly Cidr[], family: Family): Match | undefined {
  const range = ranges.find(({ base }) => familyOf(base) === family);
  return range && { kind: "source", range, not: true };
}
