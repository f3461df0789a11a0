import { assertNever } from "../../core/errors.ts";
import type { NodeView } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type Family, familyOf } from "../../net/ip.ts";
import type { LocalDetection } from "../local-detection.ts";
import type { Match } from "./ruleset.ts";

/** The two conditions that a detector gives to rules. */
export interface Detector {
  readonly local: Match;
  readonly notLocal: Match;
}

/** @returns undefined where local traffic cannot be told: no range of this family, or no way to detect at all. */
export function detectorOf(detection: LocalDetection<Cidr>, family: Family, node: NodeView): Detector | undefined {
  switch (detection.by) {
    case "none":
      return undefined;
    case "cluster-cidr":
      return bySource(detection.ranges, family);
    case "node-cidr":
      return bySource(node.podCidrs, family);
    case "bridge-interface":
      return eitherWay({ kind: "in-interface", name: detection.name });
    case "interface-prefix":
      return eitherWay({ kind: "in-interface", name: `${detection.prefix}+` });
    default:
      return assertNever(detection);
  }
}

function bySource(ranges: readonly Cidr[], family: Family): Detector | undefined {
  const range = ranges.find(({ base }) => familyOf(base) === family);
  return range && eitherWay({ kind: "source", range });
}

function eitherWay(local: Match & { kind: "source" | "in-interface" }): Detector {
  return { local, notLocal: { ...local, not: true } };
}
