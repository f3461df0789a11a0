import { assertNever } from "../../core/errors.ts";
import { formatAddress } from "./address.ts";
import { type Datatype, datatypesOf } from "./datatypes.ts";
import { formatDuration } from "./duration.ts";
import { statementText } from "./render-statement.ts";
import type { BinaryOperator, Element, Expression, Selector, Statement, Unknown, Verdict } from "./ruleset.ts";
import { type Syntax, unfit } from "./syntax.ts";

type Types = readonly Datatype[];
const anyTypes: Types = [];
const noStatements: readonly Statement[] = [];

/** @param types of what the value is compared with, part by part. */
export function expressionText(expression: Expression, syntax: Syntax, types: Types = anyTypes): string {
  switch (expression.kind) {
    case "ip":
      return formatAddress(expression.ip);
    case "cidr":
      return `${formatAddress(expression.range.base)}/${expression.range.bits}`;
    case "number":
      return numberText(expression.value, syntax, types);
    case "prefix":
      return `${numberText(expression.value, syntax, types)}/${expression.bits}`;
    case "text":
      return types[0] === "interface"
        ? syntax.quote(expression.text, "interface")
        : syntax.word(expression.text, "value");
    case "flag":
      return expression.value ? "exists" : "missing";
    case "range":
      return `${expressionText(expression.from, syntax, types)}-${expressionText(expression.to, syntax, types)}`;
    case "list":
      return expression.items.map((item) => expressionText(item, syntax, types)).join(",");
    case "concat":
      return concatText(expression.parts, syntax, types);
    case "binary":
      return binaryText(expression, syntax);
    case "set":
      return anonymousSetText(expression.elements, syntax, types);
    case "set-reference":
      return `@${syntax.word(expression.set, "set")}`;
    case "map":
      return `${expressionText(expression.key, syntax)} map ${expressionText(expression.data, syntax, datatypesOf(expression.key))}`;
    case "unknown":
      return unknownText(expression, syntax);
    case "accept":
    case "drop":
    case "continue":
    case "return":
    case "jump":
    case "goto":
      return verdictText(expression, syntax);
    default:
      return selectorText(expression, syntax);
  }
}

export function verdictText(verdict: Verdict, syntax: Syntax): string {
  switch (verdict.kind) {
    case "jump":
    case "goto":
      return `${verdict.kind} ${syntax.word(verdict.chain, "chain")}`;
    default:
      return verdict.kind;
  }
}

/** What stands in a listing for what is not known: nft's JSON. It cannot be written. */
export function unknownText({ json }: Unknown, { format }: Syntax): string {
  const text = JSON.stringify(json);
  if (format === "written") throw unfit("rule", "something that is known here", text);
  return text;
}

/** @param types of the key, and of what a map has for it. */
export function elementText(element: Element, syntax: Syntax, types: Types, dataTypes = anyTypes): string {
  const { key, data, comment, timeoutSeconds, statements = noStatements } = element;
  let text = expressionText(key, syntax, types);
  for (const statement of statements) text += ` ${statementText(statement, syntax)}`;
  if (timeoutSeconds !== undefined) text += ` timeout ${formatDuration(timeoutSeconds)}`;
  if (comment !== undefined) text += ` comment ${syntax.quote(comment, "comment")}`;
  return data === undefined ? text : `${text} : ${expressionText(data, syntax, dataTypes)}`;
}

/** A list of the parts' texts would be thrown away at once, fifty thousand times in a large cluster. */
function concatText(parts: readonly Expression[], syntax: Syntax, types: Types): string {
  let text = "";
  for (const [i, part] of parts.entries()) {
    const type = types[i];
    text += (i === 0 ? "" : " . ") + expressionText(part, syntax, type === undefined ? anyTypes : [type]);
  }
  return text;
}

function anonymousSetText(elements: readonly Element[], syntax: Syntax, types: Types): string {
  const texts = elements.map((element) => elementText(element, syntax, types));
  // nft takes a set of one for a comparison; this one came of several that were merged, and stays one when it is loaded.
  const twice = syntax.format === "written" && elements.length === 1 && elements[0]!.data === undefined;
  return `{ ${(twice ? [...texts, ...texts] : texts).join(syntax.comma)} }`;
}

function numberText(value: number, syntax: Syntax, types: Types): string {
  return types[0] === "mark" ? syntax.mark(value) : String(value);
}

const precedence: Readonly<Record<BinaryOperator, number>> = { "<<": 1, ">>": 1, "&": 2, "^": 3, "|": 4 };

function binaryText(expression: Expression & { kind: "binary" }, syntax: Syntax): string {
  const { operator, operands } = expression;
  const types = datatypesOf(expression);
  const [left, right] = operands.map((operand) => {
    const text = expressionText(operand, syntax, types);
    const binds = operand.kind !== "binary" || precedence[operand.operator] <= precedence[operator];
    return binds ? text : `(${text})`;
  });
  return `${left} ${syntax.operators[operator]} ${right}`;
}

/** Printed without `meta` in front. */
const bareMeta = new Set(["iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup"]);

function selectorText(selector: Selector, syntax: Syntax): string {
  switch (selector.kind) {
    case "payload":
      return `${syntax.word(selector.protocol, "protocol")} ${syntax.word(selector.field, "field")}`;
    case "payload-raw":
      return `@${syntax.word(selector.base, "base")},${selector.offset},${selector.bits}`;
    case "meta":
      if (selector.key === "mark") return syntax.metaMark;
      return bareMeta.has(selector.key) ? selector.key : `meta ${syntax.word(selector.key, "meta")}`;
    case "ct": {
      const { key, dir, family } = selector;
      const words = [dir, family, ...key.split(" ")].filter((part) => part !== undefined);
      return `ct ${words.map((part) => syntax.word(part, "ct")).join(" ")}`;
    }
    case "fib":
      return `fib ${selector.flags.map((flag) => syntax.word(flag, "fib")).join(" . ")} ${syntax.word(selector.result, "fib")}`;
    case "numgen":
      return `numgen ${selector.mode} mod ${selector.mod}${offsetText(selector.offset)}`;
    case "jhash": {
      const seed = selector.seed === undefined ? "" : ` seed 0x${selector.seed.toString(16)}`;
      return `jhash ${expressionText(selector.of, syntax)} mod ${selector.mod}${seed}${offsetText(selector.offset)}`;
    }
    case "symhash":
      return `symhash mod ${selector.mod}${offsetText(selector.offset)}`;
    default:
      return assertNever(selector);
  }
}

function offsetText(offset: number): string {
  return offset === 0 ? "" : ` offset ${offset}`;
}
