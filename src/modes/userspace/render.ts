import { renderIptables } from "../iptables/render.ts";
import { word } from "../quote.ts";
import type { ForwardTable } from "./forward-table.ts";
import { compilePortals } from "./portals.ts";

type RuleFormat = Parameters<typeof renderIptables>[1];

/**
 * The portal rules: in the format `restore` as input for `iptables-restore --noflush`, with the proxy port of each
 * forward in a comment line before them; in the format `save` as `iptables-save` prints them. There is no ip6tables
 * text: the userspace mode serves IPv4.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for a name that could be read as more than itself.
 */
export function renderUserspace(table: ForwardTable, format: RuleFormat): string {
  const rules = renderIptables(compilePortals(table), format);
  if (format === "save") return rules;
  const lines = table.forwards.map(
    ({ name, proxyPort }) => `# ${word(name, "service port")}: proxy port ${proxyPort}\n`,
  );
  return lines.join("") + rules;
}
