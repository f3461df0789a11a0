import { fullTransaction } from "./changes.ts";
import { renderTransaction } from "./render-commands.ts";
import { listNftables } from "./render-listing.ts";
import type { NftablesRuleset } from "./ruleset.ts";
import type { RuleFormat } from "./syntax.ts";

/**
 * The ruleset as text. `written` is input for `nft -f -`: a transaction for each table, which takes the place of what
 * the kernel has of that name. `listed` is what `nft -s list ruleset` prints. Changes are rendered by
 * `renderTransaction`.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID, `written` only, for a text that nft could read as something else, and for
 *   rules that are not known here.
 */
export function renderNftables(ruleset: NftablesRuleset, format: RuleFormat): string {
  if (format === "listed") return listNftables(ruleset);
  return ruleset.tables.map((table) => renderTransaction(fullTransaction(table))).join("");
}
