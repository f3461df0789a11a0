import type { Model, NodeView } from "../../model/model.ts";
import type { ServicePort } from "../../model/service-port.ts";
import { hostCidr } from "../../net/cidr.ts";
import { type Family, familyOf, type Ip, ipKey } from "../../net/ip.ts";
import type { IpSet, SetEntry } from "./ip-set.ts";
import { emptySet, kubeSets, type SetKey } from "./kube-sets.ts";
import { localAddresses, nodePortIps } from "./node-addresses.ts";
import type { ResolvedIpvsOptions } from "./options.ts";
import { partsText } from "./render-sets.ts";
import { ruleContext } from "./rule-context.ts";
import { compileRules } from "./rules.ts";
import { boundEntry, type Filed, serviceEntries } from "./service-sets.ts";
import type { Surroundings } from "./surroundings.ts";
import { ipvsSysctls } from "./sysctls.ts";

/** Compiles what stands around the virtual servers of one family. Time and memory O(service ports × endpoints). */
export function compileSurroundings(model: Model, family: Family, options: ResolvedIpvsOptions): Surroundings {
  const { node } = model;
  const ports = model.servicePorts[family];
  const bound = boundIps(ports, node, options);
  const context = { nodeIp: family === 4 ? node.ip4 : node.ip6, nodePortIps: nodePortIps(options, family, node) };
  const entries = filed([
    ...ports.flatMap((port) => serviceEntries(port, context)),
    ...bound.map((ip): Filed => ["bound", boundEntry(ip)]),
  ]);
  const has = (key: SetKey): boolean => entries.has(key);
  return {
    addresses: bound.map(hostCidr),
    sets: (Object.keys(kubeSets) as SetKey[]).map((key) => filledSet(key, family, entries)),
    rules: compileRules(ruleContext(ports, family, node, options, has)),
    sysctls: ipvsSysctls(options),
    timeouts: {
      tcpSeconds: options.tcpTimeoutSeconds,
      tcpFinSeconds: options.tcpFinTimeoutSeconds,
      udpSeconds: options.udpTimeoutSeconds,
    },
    excluded: options.excludeCIDRs.filter(({ base }) => familyOf(base) === family),
  };
}

/** Cluster IPs, and the addresses from outside that no interface of the node has. */
function boundIps(ports: readonly ServicePort[], node: NodeView, options: ResolvedIpvsOptions): readonly Ip[] {
  const local = new Set(localAddresses(options, node).map(ipKey));
  const bound = new Map<number | string, Ip>();
  for (const { clusterIp, externalIps, loadBalancerIps } of ports) {
    const outside = [...externalIps, ...loadBalancerIps].filter((ip) => !local.has(ipKey(ip)));
    for (const ip of [clusterIp, ...outside]) bound.set(ipKey(ip), ip);
  }
  return [...bound.values()];
}

/** Two services may ask for one entry. */
function filed(all: readonly Filed[]): ReadonlyMap<SetKey, ReadonlyMap<string, SetEntry>> {
  const sets = new Map<SetKey, Map<string, SetEntry>>();
  for (const [key, entry] of all) {
    let entries = sets.get(key);
    if (entries === undefined) {
      entries = new Map();
      sets.set(key, entries);
    }
    entries.set(partsText(entry), entry);
  }
  return sets;
}

function filledSet(key: SetKey, family: Family, entries: ReturnType<typeof filed>): IpSet {
  return { ...emptySet(key, family), entries: [...(entries.get(key)?.values() ?? [])] };
}
