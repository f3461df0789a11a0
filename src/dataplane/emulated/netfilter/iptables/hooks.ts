import type { IptablesRuleset, TableName } from "../../../../modes/iptables/ruleset.ts";
import { type HookFunction, priorities } from "../hooks.ts";
import type { HookName } from "../walk.ts";
import { TableWalker } from "./chains.ts";
import type { ConditionContext } from "./condition.ts";
import { recentTimes } from "./recent-times.ts";

/** Which hooks each table has chains at. */
const places: Readonly<Record<TableName, readonly HookName[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
  security: ["INPUT", "FORWARD", "OUTPUT"],
};

/**
 * Makes the tables of one family ready to be walked. Time O(chains); rules are made ready when a packet comes to them.
 *
 * A chain of the kernel's own that the ruleset does not name is empty.
 */
export function iptablesHooks(
  { family, tables }: IptablesRuleset,
  { sets }: Pick<ConditionContext, "sets">,
): readonly HookFunction[] {
  const context = { sets, recentSeconds: recentTimes(tables) };
  return tables.flatMap((table) => {
    const walker = new TableWalker(table, family, context);
    return places[table.name]
      .filter((hook) => table.chains.some(({ name }) => name === hook))
      .map((hook): HookFunction => {
        const kind = table.name === "nat" ? "nat" : "filter";
        return { hook, kind, priority: priorityOf(table.name, hook), run: (walk) => walker.run(hook, walk) };
      });
  });
}

function priorityOf(table: TableName, hook: HookName): number {
  if (table !== "nat") return priorities[table];
  return hook === "PREROUTING" || hook === "OUTPUT" ? priorities.dstnat : priorities.srcnat;
}
