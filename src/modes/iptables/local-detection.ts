import type { NodeView } from "../../model/model.ts";
import type { Cidr } from "../../net/cidr.ts";
import type { Family } from "../../net/ip.ts";
import { type LocalDetection, podTraffic } from "../local-detection.ts";
import type { Match } from "./ruleset.ts";

/** The two conditions that a detector gives to rules. */
export interface Detector {
  readonly local: Match;
  readonly notLocal: Match;
}

/** @returns undefined where local traffic cannot be told: no range of this family, or no way to detect at all. */
export function detectorOf(detection: LocalDetection<Cidr>, family: Family, node: NodeView): Detector | undefined {
  const pods = podTraffic(detection, family, node);
  if (pods === undefined) return undefined;
  if (pods.by === "source") return eitherWay({ kind: "source", range: pods.range });
  return eitherWay({ kind: "in-interface", name: pods.prefix ? `${pods.name}+` : pods.name });
}

function eitherWay(local: Match & { kind: "source" | "in-interface" }): Detector {
  return { local, notLocal: { ...local, not: true } };
}
