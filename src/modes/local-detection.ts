import { assertNever, configInvalid } from "../core/errors.ts";
import type { NodeView } from "../model/model.ts";
import type { Cidr } from "../net/cidr.ts";
import { type Family, familyOf } from "../net/ip.ts";
import { readRanges } from "./read-ranges.ts";

/** How traffic of the node's own pods is told from other traffic. `none`: it is not, and no rule tries to. */
export type LocalDetection<Range> =
  | { readonly by: "none" }
  /** By source; of each family the first range counts. */
  | { readonly by: "cluster-cidr"; readonly ranges: readonly Range[] }
  /** By source, in the pod ranges of the Node object; of each family the first one counts. */
  | { readonly by: "node-cidr" }
  /** By the interface on which it comes in. */
  | { readonly by: "bridge-interface"; readonly name: string }
  | { readonly by: "interface-prefix"; readonly prefix: string };

/**
 * Reads the option `detectLocal`.
 *
 * @param path names the field in the error.
 * @throws {SluiceError} CONFIG_INVALID.
 */
export function readLocalDetection(value: unknown, path: string): LocalDetection<Cidr> {
  const given = value as LocalDetection<string> | null;
  switch (given?.by) {
    case "none":
    case "node-cidr":
      return { by: given.by };
    case "cluster-cidr":
      return { by: given.by, ranges: readRanges(given.ranges, `${path}.ranges`) };
    case "bridge-interface":
      return { by: given.by, name: readInterface(given.name, `${path}.name`, 15) };
    case "interface-prefix":
      // iptables writes the prefix with a `+` behind it, and has room for 15 characters.
      return { by: given.by, prefix: readInterface(given.prefix, `${path}.prefix`, 14) };
    default:
      throw configInvalid(path, "a known way to detect local traffic", value);
  }
}

/** What shows, in packets of one family, that they come from the node's own pods. */
export type PodTraffic =
  | { readonly by: "source"; readonly range: Cidr }
  /** The interface of this name, or those whose names begin so. */
  | { readonly by: "interface"; readonly name: string; readonly prefix: boolean };

/** @returns undefined where such traffic cannot be told: no range of this family, or no way to detect at all. */
export function podTraffic(
  detection: LocalDetection<Cidr>,
  family: Family,
  { podCidrs }: NodeView,
): PodTraffic | undefined {
  switch (detection.by) {
    case "none":
      return undefined;
    case "cluster-cidr":
      return firstOf(detection.ranges, family);
    case "node-cidr":
      return firstOf(podCidrs, family);
    case "bridge-interface":
      return { by: "interface", name: detection.name, prefix: false };
    case "interface-prefix":
      return { by: "interface", name: detection.prefix, prefix: true };
    default:
      return assertNever(detection);
  }
}

function firstOf(ranges: readonly Cidr[], family: Family): PodTraffic | undefined {
  const range = ranges.find(({ base }) => familyOf(base) === family);
  return range && { by: "source", range };
}

function readInterface(value: unknown, path: string, maxLength: number): string {
  if (typeof value !== "string" || value.length > maxLength || !/^[\w.:@][\w.:@-]*$/.test(value)) {
    throw configInvalid(path, `the name of an interface, at most ${maxLength} characters`, value);
  }
  return value;
}
