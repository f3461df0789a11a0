import { type Cidr, maskIp } from "../../net/cidr.ts";
import { sameIp } from "../../net/ip.ts";
import { tryParseAddress } from "./address.ts";
import { type Datatype, datatypesOf } from "./datatypes.ts";
import { dumpInvalid, inside, isObject, type JsonObject, type Place } from "./json-reader.ts";
import { parseElement } from "./parse-element.ts";
import type { BinaryOperator, Constant, Expression, Unknown, Verdict } from "./ruleset.ts";
import { fits, textsOf } from "./shapes.ts";

type Types = readonly Datatype[];
const anyTypes: Types = [];

/**
 * Reads an expression of nft's JSON.
 *
 * @param types of what a value is compared with: the name of an interface may look like an address.
 * @returns `unknown` for what no type describes.
 * @throws {SluiceError} INPUT_INVALID for a jump to nowhere, and for a set that is no list.
 */
export function parseExpression(json: unknown, place: Place, types: Types = anyTypes): Expression {
  if (typeof json === "string") return parseWord(json, types[0]);
  if (typeof json === "number") return { kind: "number", value: json };
  if (typeof json === "boolean") return { kind: "flag", value: json };
  if (Array.isArray(json)) {
    return { kind: "list", items: json.map((item, i) => parseExpression(item, inside(place, i), types)) };
  }
  if (!isObject(json)) return unknown(json);
  const verdict = parseVerdict(json, place);
  if (verdict !== undefined) return verdict;
  const [name, ...rest] = Object.keys(json);
  const parse = name === undefined || rest.length > 0 ? undefined : parsers.get(name);
  return parse?.(json[name!], inside(place, name!), types) ?? unknown(json);
}

/** @returns undefined when it is none. @throws {SluiceError} INPUT_INVALID for a jump to nowhere. */
export function parseVerdict(json: JsonObject, place: Place): Verdict | undefined {
  const [name, ...rest] = Object.keys(json);
  if (rest.length > 0) return undefined;
  switch (name) {
    case "accept":
    case "drop":
    case "continue":
    case "return":
      return json[name] === null ? { kind: name } : undefined;
    case "jump":
    case "goto": {
      const body = json[name];
      if (!fits(body, { target: "text" })) throw dumpInvalid(inside(place, name), "a target", body);
      return { kind: name, chain: body["target"] as string };
    }
    default:
      return undefined;
  }
}

export function unknown(json: unknown): Unknown {
  return { kind: "unknown", json };
}

function parseWord(text: string, type: Datatype | undefined): Expression {
  if (text.startsWith("@")) return { kind: "set-reference", set: text.slice(1) };
  const ip = type === "interface" ? undefined : tryParseAddress(text);
  return ip === undefined ? { kind: "text", text } : { kind: "ip", ip };
}

/** @returns undefined for what does not have the shape that it should. */
type Parser = (body: unknown, place: Place, types: Types) => Expression | undefined;

const parsers: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  ["prefix", parsePrefix],
  ["range", parseRange],
  ["concat", parseConcat],
  ["set", parseSet],
  ["map", parseMap],
  ["payload", parsePayload],
  ["meta", (body) => (fits(body, { key: "text" }) ? { kind: "meta", key: body["key"] as string } : undefined)],
  ["ct", parseCt],
  ["fib", parseFib],
  ["numgen", parseNumgen],
  ["jhash", parseJhash],
  ["symhash", parseSymhash],
  ...(["|", "^", "&", "<<", ">>"] as const).map((operator): [string, Parser] => [operator, binaryParser(operator)]),
]);

function parsePrefix(body: unknown, place: Place): Constant | undefined {
  if (!fits(body, { addr: "any", len: "number" })) return undefined;
  const bits = body["len"] as number;
  const base = parseExpression(body["addr"], place);
  if (base.kind === "number") return { kind: "prefix", value: base.value, bits };
  if (base.kind !== "ip" || !Number.isInteger(bits) || bits < 0) return undefined;
  const range: Cidr = { base: base.ip, bits };
  // A range has no host bits; one that does is not taken for another.
  const isRange = bits <= (typeof base.ip === "number" ? 32 : 128) && sameIp(maskIp(base.ip, bits), base.ip);
  return isRange ? { kind: "cidr", range } : undefined;
}

function parseRange(body: unknown, place: Place, types: Types): Constant | undefined {
  if (!Array.isArray(body) || body.length !== 2) return undefined;
  const from = parseExpression(body[0], inside(place, 0), types);
  const to = parseExpression(body[1], inside(place, 1), types);
  return isPoint(from) && isPoint(to) ? { kind: "range", from, to } : undefined;
}

function isPoint(expression: Expression): expression is Constant {
  return expression.kind === "ip" || expression.kind === "number" || expression.kind === "text";
}

function parseConcat(body: unknown, place: Place, types: Types): Expression | undefined {
  if (!Array.isArray(body)) return undefined;
  const parts = body.map((part, i) => {
    return parseExpression(part, inside(place, i), types[i] === undefined ? anyTypes : [types[i]]);
  });
  return { kind: "concat", parts };
}

function parseSet(body: unknown, place: Place, types: Types): Expression {
  if (!Array.isArray(body)) throw dumpInvalid(place, "a list", body);
  return { kind: "set", elements: body.map((element, i) => parseElement(element, inside(place, i), { types })) };
}

function parseMap(body: unknown, place: Place): Expression | undefined {
  if (!fits(body, { key: "any", data: "any" })) return undefined;
  const key = parseExpression(body["key"], inside(place, "key"));
  return { kind: "map", key, data: parseExpression(body["data"], inside(place, "data"), datatypesOf(key)) };
}

function parsePayload(body: unknown): Expression | undefined {
  if (fits(body, { protocol: "text", field: "text" })) {
    return { kind: "payload", protocol: body["protocol"] as string, field: body["field"] as string };
  }
  if (!fits(body, { base: "text", offset: "number", len: "number" })) return undefined;
  const { base, offset, len } = body;
  return { kind: "payload-raw", base: base as string, offset: offset as number, bits: len as number };
}

function parseCt(body: unknown): Expression | undefined {
  if (!fits(body, { key: "text", dir: "text?", family: "text?" })) return undefined;
  return { kind: "ct", ...(body as { readonly key: string; readonly dir?: string; readonly family?: string }) };
}

function parseFib(body: unknown): Expression | undefined {
  if (!fits(body, { result: "text", flags: "texts" })) return undefined;
  return { kind: "fib", result: body["result"] as string, flags: textsOf(body["flags"]) };
}

function parseNumgen(body: unknown): Expression | undefined {
  if (!fits(body, { mode: "text", mod: "number", offset: "number?" })) return undefined;
  const { mode, mod, offset = 0 } = body;
  if (mode !== "random" && mode !== "inc") return undefined;
  return { kind: "numgen", mode, mod: mod as number, offset: offset as number };
}

function parseJhash(body: unknown, place: Place): Expression | undefined {
  if (!fits(body, { expr: "any", mod: "number", offset: "number?", seed: "number?" })) return undefined;
  const { expr, mod, offset = 0, seed } = body;
  const of = parseExpression(expr, inside(place, "expr"));
  const hash = { kind: "jhash", of, mod: mod as number, offset: offset as number } as const;
  return seed === undefined ? hash : { ...hash, seed: seed as number };
}

function parseSymhash(body: unknown): Expression | undefined {
  if (!fits(body, { mod: "number", offset: "number?" })) return undefined;
  return { kind: "symhash", mod: body["mod"] as number, offset: (body["offset"] ?? 0) as number };
}

function binaryParser(operator: BinaryOperator): Parser {
  return (body, place) => {
    if (!Array.isArray(body) || body.length !== 2) return undefined;
    const [left, right] = body.map((operand, i) => parseExpression(operand, inside(place, i)));
    return { kind: "binary", operator, operands: [left!, right!] };
  };
}
