import { readFile } from "node:fs/promises";
import { parseConntrack } from "../dataplane/emulated/netfilter/parse-conntrack.ts";
import { parseIpAddr, parseIpRoute } from "../dataplane/emulated/netfilter/parse-ip-json.ts";
import { parseIpvsConnections } from "../dataplane/emulated/netfilter/parse-ipvs-connections.ts";
import type { NodeParts } from "../explain/assemble-node.ts";
import { addressesInSets } from "../explain/dumped-addresses.ts";
import { parseIptables } from "../modes/iptables/parse.ts";
import { parseServers } from "../modes/ipvs/parse-servers.ts";
import { parseSets } from "../modes/ipvs/parse-sets.ts";
import { parseNftables } from "../modes/nftables/parse.ts";
import { SluiceError } from "../core/errors.ts";

/** Flags that name files with dumps. */
export interface DumpArguments {
  readonly iptablesSave?: string | undefined;
  readonly ip6tablesSave?: string | undefined;
  readonly nftJson?: string | undefined;
  readonly ipvs?: string | undefined;
  readonly ipset?: string | undefined;
  readonly ipvsConnections?: string | undefined;
  readonly conntrack?: string | undefined;
  readonly ipAddr?: string | undefined;
  readonly ipRoute?: string | undefined;
}

/** The text of each dump that there is. */
export type DumpTexts = { readonly [K in keyof DumpArguments]: { readonly text: string; readonly file: string } };

/** Whether the rules come from a dump, and not from a cluster. */
export function hasRules({ iptablesSave, ip6tablesSave, nftJson, ipvs }: DumpArguments): boolean {
  return [iptablesSave, ip6tablesSave, nftJson, ipvs].some((file) => file !== undefined);
}

const fields: readonly (keyof DumpArguments)[] = [
  "iptablesSave",
  "ip6tablesSave",
  "nftJson",
  "ipvs",
  "ipset",
  "ipvsConnections",
  "conntrack",
  "ipAddr",
  "ipRoute",
];

/** @throws {SluiceError} INPUT_INVALID for a file that cannot be read. */
export async function readDumps(args: DumpArguments): Promise<DumpTexts> {
  const texts: Partial<Record<keyof DumpArguments, { text: string; file: string }>> = {};
  for (const field of fields) {
    const file = args[field];
    if (file !== undefined) texts[field] = { text: await readText(file), file };
  }
  return texts;
}

async function readText(file: string): Promise<string> {
  try {
    // Decoding a large file while it is read takes three times as long.
    const text = (await readFile(file === "-" ? "/dev/stdin" : file)).toString();
    // Some editors put a mark of byte order before what is pasted into them.
    return text.startsWith("\uFEFF") ? text.slice(1) : text;
  } catch (error) {
    const received = (error as Error).message;
    const details = { file, line: undefined, column: undefined, field: "file", expected: "a file", received };
    throw new SluiceError("INPUT_INVALID", `${file}: expected a file that can be read, got ${received}`, details);
  }
}

/**
 * The parts of a node that the dumps tell of.
 *
 * @throws {SluiceError} INPUT_INVALID with line and column.
 */
export function partsOfDumps(texts: DumpTexts): Partial<NodeParts> {
  const { iptablesSave, ip6tablesSave, nftJson, ipvs, ipset, conntrack, ipAddr, ipRoute } = texts;
  const { ipvsConnections } = texts;
  const nftables = nftJson && parseNftables(nftJson.text, nftJson.file);
  const iptables = [
    ...(iptablesSave === undefined ? [] : [parseIptables(iptablesSave.text, 4, iptablesSave.file)]),
    ...(ip6tablesSave === undefined ? [] : [parseIptables(ip6tablesSave.text, 6, ip6tablesSave.file)]),
  ];
  const servers = ipvs && parseServers(ipvs.text, ipvs.file);
  const remarks = [
    ...[iptablesSave, ip6tablesSave].flatMap((dump) => (dump === undefined ? [] : remarksOf(dump))),
    ...(nftables?.tables.length === 0 ? [`${nftJson!.file} has no tables: no rule of nftables is known`] : []),
    ...(servers?.length === 0 ? [`${ipvs!.file} has no virtual servers`] : []),
  ];
  return {
    ...(remarks.length === 0 ? {} : { remarks }),
    ...(iptables.length === 0 ? {} : { iptables }),
    ...(nftables === undefined ? {} : { nftables, addresses: addressesInSets(nftables) }),
    ...(servers === undefined ? {} : { servers }),
    ...(ipset === undefined ? {} : { sets: parseSets(ipset.text, ipset.file) }),
    ...(ipvsConnections === undefined
      ? {}
      : { ipvsEntries: parseIpvsConnections(ipvsConnections.text, ipvsConnections.file) }),
    ...(conntrack === undefined ? {} : { connections: parseConntrack(conntrack.text, conntrack.file) }),
    ...(ipAddr === undefined ? {} : { interfaces: parseIpAddr(ipAddr.text, ipAddr.file) }),
    ...(ipRoute === undefined ? {} : { routes: parseIpRoute(ipRoute.text, ipRoute.file) }),
  };
}

/** What iptables-save says about other rules that it does not print; and that it printed none. */
function remarksOf({ text, file }: { readonly text: string; readonly file: string }): readonly string[] {
  const warnings = [...text.matchAll(/^# (Warning: .*?)\r?$/gm)].map(([, warning]) => `${file} says: ${warning}`);
  return /^\*/m.test(text) ? warnings : [...warnings, `${file} has no tables: no rule of iptables is known`];
}
