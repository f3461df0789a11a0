import { renderRule } from "../iptables/render.ts";
import type { Chain, IptablesRuleset, Rule, Table } from "../iptables/ruleset.ts";
import type { PlanDraft } from "./plan-draft.ts";
import type { KernelState } from "./state.ts";

/** Plans the rules: our chains as a whole, and in the kernel's own chains the jumps that they lack. */
export function planRules({ edit }: PlanDraft, wanted: IptablesRuleset, { rules }: KernelState): void {
  const present = rules.find(({ family }) => family === wanted.family)?.tables ?? [];
  const { family } = wanted;
  const ruleText = (rule: Rule): string => renderRule(rule, family, "save");
  const textOf = (chain: Chain | undefined): string | undefined => chain?.rules.map(ruleText).join("\n");
  const chainIn = (table: Table, name: string): Chain | undefined =>
    present.find((one) => one.name === table.name)?.chains.find((one) => one.name === name);

  const own = wanted.tables.map(({ name, chains }) => ({ name, chains: chains.filter((one) => !isBuiltIn(one)) }));
  const differs = own.some((table) => table.chains.some((one) => textOf(one) !== textOf(chainIn(table, one.name))));
  if (differs) edit.push({ kind: "load-chains", ruleset: { family, tables: own } });
  for (const table of wanted.tables) {
    const lacking = table.chains.filter(isBuiltIn).map((chain) => {
      const there = new Set(chainIn(table, chain.name)?.rules.map(ruleText));
      return Object.assign({}, chain, { rules: chain.rules.filter((rule) => !there.has(ruleText(rule))) });
    });
    const chains = lacking.filter(({ rules }) => rules.length > 0);
    // A table for itself: the kernel takes its rules all or none.
    if (chains.length > 0)
      edit.push({ kind: "add-jumps", ruleset: { family, tables: [{ name: table.name, chains }] } });
  }
}

function isBuiltIn({ policy }: Chain): boolean {
  return policy !== undefined;
}
