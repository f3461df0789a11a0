import { type InChain, isServiceChain } from "../../modes/iptables/changes.ts";
import { parseRule } from "../../modes/iptables/parse.ts";
import type { TableName } from "../../modes/iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";
import { ourChains } from "./our-chains.ts";

/** What a kernel's table holds, as far as it is our business. */
export interface SavedTable {
  readonly chains: ReadonlySet<string>;
  /** Rules outside our chains that lead to a chain of kube-proxy's or kubelet's. */
  readonly jumps: readonly InChain[];
}

const ours = new Set<string>([...ourChains.filter, ...ourChains.nat]);

/**
 * Looks through the text of `iptables-save`. Rules that are not about us are passed over unread, whatever is in them.
 *
 * Time O(text), some ten million lines a second.
 */
export function readSaved(text: string, family: Family): ReadonlyMap<TableName, SavedTable> {
  const tables = new Map<TableName, { chains: Set<string>; jumps: InChain[] }>();
  let table: { chains: Set<string>; jumps: InChain[] } = { chains: new Set(), jumps: [] };
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      table = { chains: new Set(), jumps: [] };
      tables.set(line.slice(1) as TableName, table);
    } else if (line.startsWith(":")) table.chains.add(line.slice(1, line.indexOf(" ")));
    else if (line.startsWith("-A ")) {
      const jump = readJump(line, family);
      if (jump !== undefined) table.jumps.push(jump);
    }
  }
  return tables;
}

function readJump(line: string, family: Family): InChain | undefined {
  const end = line.indexOf(" ", 3);
  const chain = end < 0 ? line.slice(3) : line.slice(3, end);
  if (isServiceChain(chain) || ours.has(chain) || !/ -[jg] KUBE-/.test(line)) return undefined;
  return { chain, rule: parseRule(line, family) };
}
