import { tryParseCidr } from "../../net/cidr.ts";
import { familyOf } from "../../net/ip.ts";
import type { KubeProxyConfiguration } from "./config.ts";
import { durationMs } from "./go-duration.ts";
import type { Objection } from "./objection.ts";
import { sectionOf, syncIntervals } from "./sync-intervals.ts";

/**
 * How the fields of a configuration go together. Each by itself has been checked.
 *
 * @returns the first thing that is wrong; undefined where nothing is.
 * Source: kube-proxy, pkg/proxy/apis/config/validation/validation.go.
 */
export function checkConfig(config: KubeProxyConfiguration): Objection | undefined {
  return checkPeriods(config) ?? checkNodePortAddresses(config) ?? checkLocalDetection(config);
}

function checkPeriods(config: KubeProxyConfiguration): Objection | undefined {
  const section = sectionOf(config.mode);
  const { syncPeriod, minSyncPeriod } = config[section];
  const field = `${section}.minSyncPeriod`;
  if (durationMs(minSyncPeriod) > durationMs(syncPeriod)) {
    return { field, expected: `at most ${section}.syncPeriod, ${syncPeriod}` };
  }
  // kube-proxy panics at start.
  const { minIntervalMs, maxIntervalMs } = syncIntervals(config);
  return minIntervalMs > maxIntervalMs
    ? { field, expected: "at most 1h0m0s, when everything is synced anew" }
    : undefined;
}

function checkNodePortAddresses({ nodePortAddresses }: KubeProxyConfiguration): Objection | undefined {
  const index = nodePortAddresses.indexOf("primary");
  return index < 0 || nodePortAddresses.length === 1
    ? undefined
    : { field: `nodePortAddresses[${index}]`, expected: 'ranges, or "primary" alone' };
}

function checkLocalDetection(config: KubeProxyConfiguration): Objection | undefined {
  switch (config.detectLocalMode) {
    case "BridgeInterface":
      return checkInterface(config.detectLocal.bridgeInterface, "detectLocal.bridgeInterface", 15);
    case "InterfaceNamePrefix":
      // The rules have a `+` behind it, and room for 15 characters.
      return checkInterface(config.detectLocal.interfaceNamePrefix, "detectLocal.interfaceNamePrefix", 14);
    case "ClusterCIDR":
      return checkClusterCidr(config.clusterCIDR);
    default:
      return undefined;
  }
}

function checkInterface(name: string, field: string, maxLength: number): Objection | undefined {
  return name.length <= maxLength && /^[\w.:@][\w.:@-]*$/.test(name)
    ? undefined
    : { field, expected: `the name of an interface, at most ${maxLength} characters` };
}

function checkClusterCidr(clusterCidr: string): Objection | undefined {
  if (clusterCidr === "") return undefined;
  const ranges = clusterCidr.split(",").map(tryParseCidr);
  const families = new Set(ranges.map((range) => range && familyOf(range.base)));
  const right = !families.has(undefined) && ranges.length <= 2 && families.size === ranges.length;
  return right ? undefined : { field: "clusterCIDR", expected: "a range, or one of each family with a comma between" };
}
