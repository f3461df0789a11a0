import type { TableName } from "../modes/iptables/ruleset.ts";

/** The table that `iptables -t nat -S` lists. @returns undefined for other commands, and for iptables-save, which says it. */
export function tableOfCommand(command: string): string | undefined {
  const isListing = /^ip6?tables(?:-legacy|-nft)? /.test(command) && /\s(?:-\w*S|--list-rules)\b/.test(command);
  if (!isListing) return undefined;
  return /\s(?:-t|--table)[ =](\w+)/.exec(command)?.[1] ?? "filter";
}

/** By the kernel's own chains whose policies are told. @returns undefined where they are of more than one table. */
export function tableOfRules(lines: readonly string[]): TableName | undefined {
  const policies = new Set(lines.flatMap((line) => /^(?::|-P )(\w+) (?:ACCEPT|DROP)\b/.exec(line)?.[1] ?? []));
  const [early, forwards, late] = ["PREROUTING", "FORWARD", "POSTROUTING"].map((chain) => policies.has(chain));
  if (forwards) return early || late ? "mangle" : policies.has("INPUT") ? "filter" : undefined;
  if (early) return late ? "nat" : policies.has("OUTPUT") ? "raw" : undefined;
  return undefined;
}
