import type { NodeView } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import type { Match } from "../iptables/ruleset.ts";
import { type LocalDetection, podTraffic } from "../local-detection.ts";

/** @returns undefined where traffic of the node's pods cannot be told: no range of this family, or no way at all. */
export function notLocal(detection: LocalDetection<Cidr>, family: Family, node: NodeView): Match | undefined {
  const pods = podTraffic(detection, family, node);
  if (pods === undefined) return undefined;
  if (pods.by === "source") return { kind: "source", range: pods.range, not: true };
  return { kind: "in-interface", name: pods.prefix ? `${pods.name}+` : pods.name, not: true };
}
