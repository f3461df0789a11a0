import { type AssumedHost, assumeHost, type KnownHost } from "../dataplane/emulated/netfilter/assumed-host.ts";
import { type Connection, tableOf } from "../dataplane/emulated/netfilter/connection.ts";
import type { HostNode } from "../dataplane/emulated/netfilter/host-node.ts";
import type { HookFunction } from "../dataplane/emulated/netfilter/hooks.ts";
import { prepareSets } from "../dataplane/emulated/netfilter/ip-sets.ts";
import { iptablesHooks } from "../dataplane/emulated/netfilter/iptables/hooks.ts";
import { nftHooks, unwalkedChains } from "../dataplane/emulated/netfilter/nft/hooks.ts";
import { ipvsHooks, ofFamily, virtualAddresses } from "../dataplane/emulated/netfilter/virtual-servers.ts";
import { createNode, type EmulatedNode } from "../dataplane/emulated/netfilter/node.ts";
import type { KnownIpvsEntry } from "../dataplane/emulated/netfilter/parse-ipvs-connections.ts";
import type { IptablesRuleset } from "../modes/iptables/ruleset.ts";
import type { NftablesRuleset } from "../modes/nftables/ruleset.ts";
import type { IpSet } from "../modes/ipvs/ip-set.ts";
import type { KernelServer } from "../modes/ipvs/tables.ts";
import { hostCidr } from "../net/cidr.ts";
import type { Family, Ip } from "../net/ip.ts";
import { absentInterfaces } from "./absent-interfaces.ts";
import { outsideDeciders } from "./outside-deciders.ts";

/** What a node runs and knows, compiled or read from its dumps. */
export interface NodeParts extends KnownHost {
  readonly iptables?: readonly IptablesRuleset[];
  readonly nftables?: NftablesRuleset;
  /** Virtual servers of IPVS. */
  readonly servers?: readonly KernelServer[];
  /** Whether kube-proxy's device for their addresses is thought to be there. @default unless the interfaces are known */
  readonly hasVirtualInterface?: boolean;
  /** Absent: nobody said what sets there are. */
  readonly sets?: readonly IpSet[];
  readonly connections?: readonly Connection[];
  /** IPVS's own table. Absent: nobody said what is in it. */
  readonly ipvsEntries?: readonly KnownIpvsEntry[];
  /** net.netfilter.nf_conntrack_max. Absent: there is always room. */
  readonly connectionsMax?: number;
  /** net.netfilter.nf_conntrack_tcp_loose. @default true */
  readonly tcpLoose?: boolean;
  /** What dumps say of what they leave out, in words. */
  readonly remarks?: readonly string[];
  /** How long after all this was so the packet comes. @default 0 */
  readonly laterSeconds?: number;
}

export interface AssembledNode {
  readonly node: EmulatedNode;
  readonly assumptions: readonly string[];
}

/** Makes a node of its parts; what is not known of it is assumed, and said. */
export function assembleNode(parts: NodeParts): AssembledNode {
  const { host, assumptions } = hostOf(parts);
  const said = parts.connections === undefined ? ["no connection is open yet"] : [];
  const unwalked = parts.nftables === undefined ? [] : unwalkedChains(parts.nftables);
  const passed = unwalked.map((chain) => `${chain} lets the packet pass: its hook is not walked`);
  const absent = parts.interfaces === undefined ? absentText(absentInterfaces(parts, host)) : [];
  return {
    node: nodeOf(parts),
    assumptions: [...assumptions, ...absent, ...said, ...passed, ...outsideDeciders(parts), ...(parts.remarks ?? [])],
  };
}

/** The node alone: nothing is looked for that would have to be said. */
export function nodeOf(parts: NodeParts): EmulatedNode {
  const context = { sets: parts.sets && prepareSets(parts.sets, parts.laterSeconds) };
  const { ipvsEntries: entries, laterSeconds = 0, connectionsMax: max, tcpLoose = true, connections = [] } = parts;
  const ipvsStart = entries === undefined ? undefined : { entries, laterSeconds };
  const hooksOf = (family: Family): readonly HookFunction[] => [
    ...(parts.iptables ?? [])
      .filter((ruleset) => ruleset.family === family)
      .flatMap((ruleset) => iptablesHooks(ruleset, context)),
    ...(parts.nftables === undefined ? [] : nftHooks(parts.nftables, family, laterSeconds)),
    ...(parts.servers === undefined ? [] : ipvsHooks(ofFamily(parts.servers, family), family, ipvsStart)),
  ];
  const table = tableOf(connections, { laterSeconds, tcpLoose, ...(max === undefined ? {} : { max }) });
  return createNode(hostOf(parts).host, { 4: hooksOf(4), 6: hooksOf(6) }, table);
}

function hostOf(parts: NodeParts): AssumedHost {
  const { host: plain, assumptions } = assumeHost(parts);
  const { servers, hasVirtualInterface = parts.interfaces === undefined } = parts;
  const host =
    servers === undefined || !hasVirtualInterface ? plain : withVirtualAddresses(plain, virtualAddresses(servers));
  return { host, assumptions };
}

function absentText(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, MOST_SHOWN).join(", ") + (names.length > MOST_SHOWN ? " and others" : "");
  return [`no packet comes or goes by ${shown}, which rules ask for (ip addr and ip route tell)`];
}

const MOST_SHOWN = 6;

/** kube-proxy gives a device of its own the addresses of all virtual servers. */
export const VIRTUAL_INTERFACE = "kube-ipvs0";

function withVirtualAddresses(host: HostNode, ips: readonly Ip[]): HostNode {
  const addresses = ips.map((ip) => ({ ip, bits: hostCidr(ip).bits }));
  return { ...host, interfaces: [...host.interfaces, { name: VIRTUAL_INTERFACE, addresses }] };
}
