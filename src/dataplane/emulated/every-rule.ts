import type { IptablesRuleset, Rule } from "../../modes/iptables/ruleset.ts";

/** All rules of all tables. */
export function* everyRule(rulesets: readonly IptablesRuleset[]): Iterable<Rule> {
  for (const { tables } of rulesets) for (const { chains } of tables) for (const { rules } of chains) yield* rules;
}
