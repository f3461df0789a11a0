import { assertNever } from "../../core/errors.ts";
import { datatypesNamed } from "./datatypes.ts";
import { elementText, expressionText } from "./render-expression.ts";
import { ruleText, statementText } from "./render-statement.ts";
import { type Chain, DYNAMIC_SIZE, type Element, type NamedObject, type NamedSet } from "./ruleset.ts";
import { type Syntax, syntaxOf, unfit } from "./syntax.ts";
import type { Command, Transaction } from "./transaction.ts";

/** Names, comments, elements and what sets are made of: none of it depends on the family. */
const anyFamily = syntaxOf("written", "ip");

/**
 * A transaction as input for `nft -f -`, one command a line as kube-proxy writes it; empty for none.
 *
 * @throws {SluiceError} RULE_TEXT_INVALID for a name or comment that nft could read as something else, and for rules
 *   that are not known here.
 */
export function renderTransaction({ table, commands }: Transaction): string {
  const syntax = syntaxOf("written", table.family);
  const place = `${table.family} ${word(table.name)}`;
  return commands.map((command) => `${commandText(command, place, syntax)}\n`).join("");
}

function commandText(command: Command, place: string, syntax: Syntax): string {
  switch (command.kind) {
    case "add-table":
      return `add table ${place}${body(commentText(command.comment))}`;
    case "delete-table":
      return `delete table ${place}`;
    case "add-chain":
      return `add chain ${place} ${word(command.chain.name)}${body(chainText(command.chain))}`;
    case "flush-chain":
      return `flush chain ${place} ${word(command.name)}`;
    case "delete-chain":
      return `delete chain ${place} ${word(command.name)}`;
    case "add-set":
      return `add ${setKind(command.set)} ${place} ${word(command.set.name)}${body(setText(command.set))}`;
    case "delete-set":
      return `delete ${setKind(command.set)} ${place} ${word(command.set.name)}`;
    case "add-element":
      return `add element ${place} ${word(command.set.name)} { ${wholeElement(command.set, command.element)} }`;
    case "delete-element":
      return `delete element ${place} ${word(command.set.name)} { ${elementKey(command.set, command.element)} }`;
    case "add-object":
      return `add ${objectText(command.object, place)}`;
    case "delete-object":
      return `delete ${command.object.type.split(" ").map(word).join(" ")} ${place} ${word(command.object.name)}`;
    case "add-rule":
      return `add rule ${place} ${word(command.chain)} ${ruleText(command.rule, syntax)}`;
    default:
      return assertNever(command);
  }
}

function word(name: string): string {
  return anyFamily.word(name, "name");
}

function setKind({ data }: NamedSet): string {
  return data === undefined ? "set" : "map";
}

/** @param parts each of which ends with a semicolon here. */
function body(parts: readonly string[]): string {
  return parts.length === 0 ? "" : ` { ${parts.map((part) => `${part} ;`).join(" ")} }`;
}

function commentText(comment: string | undefined): readonly string[] {
  return comment === undefined ? [] : [`comment ${anyFamily.quote(comment, "comment")}`];
}

/** A base chain's policy is left at what nft gives it, unless it is another. */
function chainText({ base, comment }: Chain): readonly string[] {
  if (base === undefined) return commentText(comment);
  const { type, hook, priority, policy = "accept", devices = [] } = base;
  const on = devices.map((device) => ` device ${anyFamily.quote(device, "device")}`).join("");
  return [
    `type ${word(type)} hook ${word(hook)}${on} priority ${priority}`,
    ...(policy === "accept" ? [] : [`policy ${word(policy)}`]),
    ...commentText(comment),
  ];
}

function setText(set: NamedSet): readonly string[] {
  const { key, data, flags, size, timeoutSeconds, gcIntervalSeconds, comment, statements = [], others } = set;
  if (others !== undefined) throw unfit("set", "only what is known here", JSON.stringify(others));
  const isDefaultSize = size === undefined || (size === DYNAMIC_SIZE && flags.includes("dynamic"));
  return [
    `type ${typesText(key)}${data === undefined ? "" : ` : ${typesText(data)}`}`,
    ...(isDefaultSize ? [] : [`size ${size}`]),
    ...(flags.length === 0 ? [] : [`flags ${flags.map(word).join(",")}`]),
    ...(timeoutSeconds === undefined ? [] : [`timeout ${timeoutSeconds}s`]),
    ...(gcIntervalSeconds === undefined ? [] : [`gc-interval ${gcIntervalSeconds}s`]),
    ...commentText(comment),
    ...statements.map((statement) => statementText(statement, anyFamily)),
  ];
}

/** Counters begin at 0. */
function objectText({ type, name, members }: NamedObject, place: string): string {
  if (type !== "counter") throw unfit("object", "a counter", JSON.stringify({ [type]: members }));
  return `counter ${place} ${word(name)}`;
}

function typesText(types: readonly string[]): string {
  return types.map(word).join(" . ");
}

function wholeElement({ key, data = [] }: NamedSet, element: Element): string {
  return elementText(element, anyFamily, datatypesNamed(key), datatypesNamed(data));
}

function elementKey({ key }: NamedSet, element: Element): string {
  return expressionText(element.key, anyFamily, datatypesNamed(key));
}
