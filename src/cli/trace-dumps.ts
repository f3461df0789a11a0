import { readFile } from "node:fs/promises";
import { parseConntrack } from "../dataplane/emulated/netfilter/parse-conntrack.ts";
import { parseIpAddr, parseIpRoute } from "../dataplane/emulated/netfilter/parse-ip-json.ts";
import { parseIpvsConnections } from "../dataplane/emulated/netfilter/parse-ipvs-connections.ts";
import type { NodeParts } from "../explain/assemble-node.ts";
import { addressesInSets } from "../explain/dumped-addresses.ts";
import { readPastedIptables } from "../explain/pasted-iptables.ts";
import { bareDump } from "../explain/pasted-text.ts";
import { parseServers } from "../modes/ipvs/parse-servers.ts";
import { parseSets } from "../modes/ipvs/parse-sets.ts";
import { parseNftables } from "../modes/nftables/parse.ts";
import type { IptablesRuleset } from "../modes/iptables/ruleset.ts";
import type { Family } from "../net/ip.ts";
import { present } from "../cluster/read/present.ts";
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
export type DumpTexts = { readonly [K in keyof DumpArguments]: Dump };

interface Dump {
  readonly text: string;
  readonly file: string;
}

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
  const { iptablesSave, ip6tablesSave } = texts;
  const remarks: string[] = [];
  const read = <T>(dump: Dump | undefined, parse: (text: string, file: string) => T): T | undefined => {
    if (dump === undefined) return undefined;
    const { text, leftOut } = bareDump(dump.text);
    remarks.push(...leftOut.map((line) => `${dump.file}: line ${line} says that lines were left out`));
    return parse(text, dump.file);
  };
  const iptables = [
    ...(iptablesSave === undefined ? [] : [rulesOf(iptablesSave, 4, remarks)]),
    ...(ip6tablesSave === undefined ? [] : [rulesOf(ip6tablesSave, 6, remarks)]),
  ];
  const nftables = read(texts.nftJson, parseNftables);
  if (nftables?.tables.length === 0) remarks.push(`${texts.nftJson!.file} has no tables: no rule of nftables is known`);
  const servers = read(texts.ipvs, parseServers);
  if (servers?.length === 0) remarks.push(`${texts.ipvs!.file} has no virtual servers`);
  return present({
    iptables: iptables.length === 0 ? undefined : iptables,
    nftables,
    addresses: nftables && addressesInSets(nftables),
    servers,
    sets: read(texts.ipset, parseSets),
    ipvsEntries: read(texts.ipvsConnections, parseIpvsConnections),
    connections: read(texts.conntrack, parseConntrack),
    interfaces: read(texts.ipAddr, parseIpAddr),
    routes: read(texts.ipRoute, parseIpRoute),
    remarks: remarks.length === 0 ? undefined : remarks,
  });
}

/** Two hosts' dumps in one file, or one host's of two times. */
function repeatedTables(text: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const [, name = ""] of text.matchAll(/^[ \t>]*\*(\w+)[ \t\r]*$/gm))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([name, count]) => `table ${name} ${count} times: the rules of all of them are taken, one behind the other`);
}

const OTHER_TABLES = "if only some tables were dumped (-t), what others do is not known";

/** Of those that every host with services or a firewall has. */
function missingTables({ tables }: IptablesRuleset): readonly string[] {
  return ["nat", "filter"].filter((wanted) => !tables.some(({ name }) => name === wanted));
}

/** Also what iptables-save says about other rules that it does not print, and that it printed none. */
function rulesOf({ text, file }: Dump, family: Family, remarks: string[]): IptablesRuleset {
  const { ruleset, remarks: own } = readPastedIptables(text, family, file);
  const warnings = [...text.matchAll(/^[ \t>]*# (Warning: .*?)\r?$/gm)].map(
    ([, warning]) => `${file} says: ${warning}`,
  );
  remarks.push(...warnings, ...own, ...repeatedTables(text).map((repeated) => `${file} has ${repeated}`));
  if (ruleset.tables.length === 0) remarks.push(`${file} has no tables: no rule of iptables is known`);
  else {
    const missing = missingTables(ruleset).join(" or ");
    if (missing !== "") remarks.push(`${file} has no table ${missing}: ${OTHER_TABLES}`);
  }
  return ruleset;
}
