import type { TableChanges } from "../../modes/iptables/changes.ts";
import { parseIptables } from "../../modes/iptables/parse.ts";
import { renderRule } from "../../modes/iptables/render.ts";
import type { Chain } from "../../modes/iptables/ruleset.ts";
import type { Family } from "../../net/ip.ts";

/**
 * Of changes that bring a whole ruleset into force those that make a difference: without chains that have their rules
 * already. For who wants to know, not for the kernel: to read all rules takes longer than to write them anew.
 *
 * @param saved the text of `iptables-save`.
 * @throws {SluiceError} INPUT_INVALID where the text cannot be read.
 */
export function onlyDifferences(
  changes: readonly TableChanges[],
  saved: string,
  family: Family,
): readonly TableChanges[] {
  const present = parseIptables(saved, family).tables;
  const textOf = ({ rules }: Chain): string => rules.map((rule) => renderRule(rule, family, "save")).join("\n");
  const reduced = changes.map((table): TableChanges => {
    const chains = present.find(({ name }) => name === table.name)?.chains ?? [];
    const held = new Map(chains.map((chain) => [chain.name, chain]));
    const differs = (chain: Chain): boolean => {
      const known = held.get(chain.name);
      return known === undefined || textOf(known) !== textOf(chain);
    };
    return { ...table, replace: table.replace.filter(differs) };
  });
  return reduced.filter(({ replace, remove, prepend, empty, drop }) =>
    [replace, remove, prepend, empty, drop].some((some) => some.length > 0),
  );
}
