import { assertNever } from "../../core/errors.ts";
import { datatypesOf } from "./datatypes.ts";
import { elementText, expressionText, unknownText, verdictText } from "./render-expression.ts";
import type { Expression, Rule, Statement } from "./ruleset.ts";
import type { Syntax } from "./syntax.ts";

/** One rule, without its table and chain. */
export function ruleText({ statements, comment }: Rule, syntax: Syntax): string {
  const text = statements.map((statement) => statementText(statement, syntax)).join(" ");
  return comment === undefined ? text : `${text} comment ${syntax.quote(comment, "comment")}`;
}

export function statementText(statement: Statement, syntax: Syntax): string {
  switch (statement.kind) {
    case "match":
      return matchText(statement, syntax);
    case "vmap": {
      const { key, data } = statement;
      return `${expressionText(key, syntax)} vmap ${expressionText(data, syntax, datatypesOf(key))}`;
    }
    case "mangle": {
      const { target, value } = statement;
      return `${expressionText(target, syntax)} set ${expressionText(value, syntax, datatypesOf(target))}`;
    }
    case "set-update": {
      const { operation, set, element } = statement;
      return `${operation} @${syntax.word(set, "set")} { ${elementText(element, syntax, [])} }`;
    }
    case "nat":
      return natText(statement, syntax);
    case "masquerade":
    case "redirect": {
      const to = statement.port === undefined ? "" : ` to :${expressionText(statement.port, syntax)}`;
      return statement.kind + to + flagsText(statement.flags, syntax);
    }
    case "reject":
      return rejectText(statement, syntax);
    case "counter":
      return "counter";
    case "counter-reference":
      return `counter name ${syntax.quote(statement.counter, "counter")}`;
    case "limit":
      return limitText(statement, syntax);
    case "log":
      return logText(statement, syntax);
    case "notrack":
      return "notrack";
    case "unknown":
      return unknownText(statement, syntax);
    case "accept":
    case "drop":
    case "continue":
    case "return":
    case "jump":
    case "goto":
      return verdictText(statement, syntax);
    default:
      return assertNever(statement);
  }
}

function matchText({ operator, left, right }: Statement & { kind: "match" }, syntax: Syntax): string {
  const unequal = operator === "==" || operator === "in" ? "" : ` ${operator}`;
  if (left.kind === "binary" && left.operator === "&" && left.operands[1].kind === "list") {
    // tcp flags syn / syn,ack: the value in front of its mask.
    const [flags, mask] = left.operands;
    return `${expressionText(flags, syntax)}${unequal} ${expressionText(right, syntax)} / ${expressionText(mask, syntax)}`;
  }
  const operatorText = left.kind === "binary" && operator === "==" ? " ==" : unequal;
  return `${expressionText(left, syntax)}${operatorText} ${expressionText(right, syntax, datatypesOf(left))}`;
}

function natText(statement: Statement & { kind: "nat" }, syntax: Syntax): string {
  const { type, family, address, port } = statement;
  const isNetmap = statement.flags.includes("netmap");
  // That networks are mapped is a word before them.
  const flags = statement.flags.filter((flag) => flag !== "netmap");
  // A listing leaves out that the map has addresses with ports; nft would not guess it when it reads.
  const pairs = syntax.format === "written" && address !== undefined && mapsToPairs(address) ? " addr . port" : "";
  const to = address === undefined && port === undefined ? "" : ` to ${placeText(address, port, syntax)}`;
  return `${type}${family === undefined ? "" : ` ${family}`}${pairs}${isNetmap ? " prefix" : ""}${to}${flagsText(flags, syntax)}`;
}

function mapsToPairs(address: Expression): boolean {
  if (address.kind !== "map" || address.data.kind !== "set") return false;
  return address.data.elements.some(({ data }) => data?.kind === "concat");
}

function placeText(address: Expression | undefined, port: Expression | undefined, syntax: Syntax): string {
  const portText = port === undefined ? "" : `:${expressionText(port, syntax)}`;
  if (address === undefined) return portText;
  if (port === undefined) return expressionText(address, syntax);
  if (address.kind === "range") {
    return `${placeText(address.from, undefined, syntax)}-${placeText(address.to, undefined, syntax)}${portText}`;
  }
  const text = expressionText(address, syntax);
  const isIp6 = address.kind === "ip" && typeof address.ip !== "number";
  return (isIp6 ? `[${text}]` : text) + portText;
}

function flagsText(flags: readonly string[], syntax: Syntax): string {
  return flags.length === 0 ? "" : ` ${flags.map((flag) => syntax.word(flag, "flag")).join(",")}`;
}

function rejectText({ type, reason }: Statement & { kind: "reject" }, syntax: Syntax): string {
  if (type === undefined || (type === syntax.rejectType && reason === "port-unreachable")) return "reject";
  const words = [...type.split(" "), ...(reason === undefined ? [] : [reason])];
  return `reject with ${words.map((part) => syntax.word(part, "reject")).join(" ")}`;
}

function limitText(limit: Statement & { kind: "limit" }, syntax: Syntax): string {
  const { rate, per, burst = 0, over = false, rateUnit, burstUnit = "packets" } = limit;
  const size = rateUnit === undefined ? "" : ` ${syntax.word(rateUnit, "limit")}`;
  const rest = burst === 0 ? "" : ` burst ${burst} ${syntax.word(burstUnit, "limit")}`;
  return `limit rate ${over ? "over " : ""}${rate}${size}/${syntax.word(per, "limit")}${rest}`;
}

function logText({ options }: Statement & { kind: "log" }, syntax: Syntax): string {
  const words = Object.entries(options).map(([name, value]) => {
    if (name === "prefix") return ` prefix ${syntax.quote(String(value), "log prefix")}`;
    return ` ${syntax.word(name, "log")} ${syntax.word(String(value), "log")}`;
  });
  return `log${words.join("")}`;
}
