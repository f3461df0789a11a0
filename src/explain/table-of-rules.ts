import type { TableName } from "../modes/iptables/ruleset.ts";

/** The table that `iptables -t nat -S` lists. @returns undefined for other commands, and for iptables-save, which says it. */
export function tableOfCommand(command: string): string | undefined {
  const isListing = /^ip6?tables(?:-legacy|-nft)? /.test(command) && /\s(?:-\w*S|--list-rules)\b/.test(command);
  if (!isListing) return undefined;
  return /\s(?:-t|--table)[ =](\w+)/.exec(command)?.[1] ?? "filter";
}

/** Targets that the kernel has in one table alone, and chains that kube-proxy has in one alone. */
const signs: readonly (readonly [sign: RegExp, table: TableName])[] = [
  [/ -j (?:DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP)\b/, "nat"],
  [/(?:^:|-[AN] |-[jg] )KUBE-(?:SVC|SEP|XLB|EXT|FW)-/, "nat"],
  [/ -j REJECT\b/, "filter"],
  [/ -j TPROXY\b/, "mangle"],
  [/ -j (?:NOTRACK|CT)\b/, "raw"],
];

/**
 * By the kernel's own chains whose policies are told, or else by signs.
 *
 * @returns undefined where they tell nothing, or different tables.
 */
export function tableOfRules(lines: readonly string[]): TableName | undefined {
  const policies = new Set(lines.flatMap((line) => /^(?::|-P )(\w+) (?:ACCEPT|DROP)\b/.exec(line)?.[1] ?? []));
  const byPolicies = tableOfPolicies(policies);
  const bySigns = new Set(lines.flatMap((line) => signs.find(([sign]) => sign.test(line))?.[1] ?? []));
  if (byPolicies !== undefined) return byPolicies;
  return bySigns.size === 1 ? [...bySigns][0] : undefined;
}

function tableOfPolicies(chains: ReadonlySet<string>): TableName | undefined {
  const [early, forwards, late] = ["PREROUTING", "FORWARD", "POSTROUTING"].map((chain) => chains.has(chain));
  if (forwards) return early || late ? "mangle" : chains.has("INPUT") ? "filter" : undefined;
  if (early) return late ? "nat" : chains.has("OUTPUT") ? "raw" : undefined;
  return undefined;
}
