import { datatypesNamed } from "./datatypes.ts";
import { formatDuration } from "./duration.ts";
import { priorityText } from "./priority.ts";
import { elementText } from "./render-expression.ts";
import { ruleText, statementText } from "./render-statement.ts";
import type { Chain, NamedSet, NftablesRuleset, Table, TableFamily } from "./ruleset.ts";
import { type Syntax, syntaxOf } from "./syntax.ts";

/**
 * The ruleset as `nft -s list ruleset` prints it: without state, that is counters and the rest of time-outs. The place
 * of line breaks in lists of elements is ours. Of objects that are kept verbatim, only kind and name are listed.
 */
export function listNftables({ tables }: NftablesRuleset): string {
  return tables.map(tableListing).join("");
}

function tableListing(table: Table): string {
  const syntax = syntaxOf("listed", table.family);
  const { family, name, comment, flags = [], objects, sets, chains } = table;
  const blocks = [
    ...objects.map((object) => `\t${object.type} ${syntax.word(object.name, "name")} {\n\t}\n`),
    ...sets.map((set) => setListing(set, syntax)),
    ...chains.map((chain) => chainListing(chain, table.family, syntax)),
  ];
  const head = [
    ...(comment === undefined ? [] : [`\tcomment ${syntax.quote(comment, "comment")}\n`]),
    ...(flags.length === 0 ? [] : [`\tflags ${flags.join(",")}\n`]),
  ];
  return `table ${family} ${syntax.word(name, "table")} {\n${head.join("")}${blocks.join("\n")}}\n`;
}

function setListing(set: NamedSet, syntax: Syntax): string {
  const lines = [...declaration(set, syntax), ...elementsLine(set, syntax)];
  return `\t${set.data === undefined ? "set" : "map"} ${syntax.word(set.name, "set")} {\n${indented(lines)}\t}\n`;
}

function declaration(set: NamedSet, syntax: Syntax): string[] {
  const { key, data, size, flags, timeoutSeconds, gcIntervalSeconds, comment, statements = [] } = set;
  const types = data === undefined ? key.join(" . ") : `${key.join(" . ")} : ${data.join(" . ")}`;
  // A time-out says as much as its flag.
  const isSaid = timeoutSeconds !== undefined && flags.every((flag) => flag === "timeout");
  return [
    `type ${types}`,
    ...(size === undefined ? [] : [`size ${size}`]),
    ...(flags.length === 0 || isSaid ? [] : [`flags ${flags.join(",")}`]),
    ...(timeoutSeconds === undefined ? [] : [`timeout ${formatDuration(timeoutSeconds)}`]),
    ...(gcIntervalSeconds === undefined ? [] : [`gc-interval ${formatDuration(gcIntervalSeconds)}`]),
    ...statements.map((statement) => statementText(statement, syntax)),
    ...(comment === undefined ? [] : [`comment ${syntax.quote(comment, "comment")}`]),
  ];
}

function elementsLine({ key, data = [], elements }: NamedSet, syntax: Syntax): string[] {
  if (elements.length === 0) return [];
  const [keyTypes, dataTypes] = [datatypesNamed(key), datatypesNamed(data)];
  const texts = elements.map((element) => elementText(element, syntax, keyTypes, dataTypes));
  return [`elements = { ${texts.join(",\n\t\t\t     ")} }`];
}

function chainListing({ name, base, comment, rules }: Chain, family: TableFamily, syntax: Syntax): string {
  const lines = rules.map((rule) => ruleText(rule, syntax));
  if (base !== undefined) {
    const { type, hook, policy = "accept", devices = [] } = base;
    const on = devices.map((device) => ` device ${syntax.quote(device, "device")}`).join("");
    lines.unshift(`type ${type} hook ${hook}${on} priority ${priorityText(family, base)}; policy ${policy};`);
  }
  if (comment !== undefined) lines.unshift(`comment ${syntax.quote(comment, "comment")}`);
  return `\tchain ${syntax.word(name, "chain")} {\n${indented(lines)}\t}\n`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `\t\t${line}\n`).join("");
}
