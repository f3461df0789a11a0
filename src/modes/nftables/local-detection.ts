import { assertNever } from "../../core/errors.ts";
import type { NodeView } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import { type Family, familyOf } from "../../net/ip.ts";
import type { LocalDetection } from "../local-detection.ts";
import { match, range, source } from "./expressions.ts";
import type { Expression, Statement } from "./ruleset.ts";

/** The two conditions that a detector gives to rules. */
export interface Detector {
  readonly local: Statement;
  readonly notLocal: Statement;
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
      return byInterface(detection.name);
    case "interface-prefix":
      return byInterface(`${detection.prefix}*`);
    default:
      return assertNever(detection);
  }
}

function bySource(ranges: readonly Cidr[], family: Family): Detector | undefined {
  const pods = ranges.find(({ base }) => familyOf(base) === family);
  return pods && eitherWay(source[family], range(pods));
}

function byInterface(text: string): Detector {
  return eitherWay({ kind: "meta", key: "iifname" }, { kind: "text", text });
}

function eitherWay(selector: Expression, pods: Expression): Detector {
  return { local: match(selector, "==", pods), notLocal: match(selector, "!=", pods) };
}
