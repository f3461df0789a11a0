import type { NodeView } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import { type LocalDetection, podTraffic } from "../local-detection.ts";
import { match, range, source } from "./expressions.ts";
import type { Expression, Statement } from "./ruleset.ts";

/** The two conditions that a detector gives to rules. */
export interface Detector {
  readonly local: Statement;
  readonly notLocal: Statement;
}

/** @returns undefined where local traffic cannot be told: no range of this family, or no way to detect at all. */
export function detectorOf(detection: LocalDetection<Cidr>, family: Family, node: NodeView): Detector | undefined {
  const pods = podTraffic(detection, family, node);
  if (pods === undefined) return undefined;
  if (pods.by === "source") return eitherWay(source[family], range(pods.range));
  const text = pods.prefix ? `${pods.name}*` : pods.name;
  return eitherWay({ kind: "meta", key: "iifname" }, { kind: "text", text });
}

function eitherWay(selector: Expression, pods: Expression): Detector {
  return { local: match(selector, "==", pods), notLocal: match(selector, "!=", pods) };
}
