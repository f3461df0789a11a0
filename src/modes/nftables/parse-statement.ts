import { datatypesOf } from "./datatypes.ts";
import { dumpInvalid, inside, isObject, type JsonObject, type Place } from "./json-reader.ts";
import { parseElement } from "./parse-element.ts";
import { parseExpression, parseVerdict, unknown } from "./parse-expression.ts";
import type { Expression, MatchOperator, Statement } from "./ruleset.ts";
import { fits, textsOf } from "./shapes.ts";

/**
 * Reads a statement of nft's JSON.
 *
 * @returns `unknown` for what no type describes.
 * @throws {SluiceError} INPUT_INVALID for a jump to nowhere, and for what is no statement at all.
 */
export function parseStatement(json: unknown, place: Place): Statement {
  if (!isObject(json)) throw dumpInvalid(place, "a statement", json);
  const verdict = parseVerdict(json, place);
  if (verdict !== undefined) return verdict;
  const [name, ...rest] = Object.keys(json);
  const parse = name === undefined || rest.length > 0 ? undefined : parsers.get(name);
  return parse?.(json[name!], inside(place, name!)) ?? unknown(json);
}

/** @returns undefined for what does not have the shape that it should. */
type Parser = (body: unknown, place: Place) => Statement | undefined;

const parsers: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  ["match", parseMatch],
  ["vmap", parseVmap],
  ["mangle", parseMangle],
  ["set", parseSetUpdate],
  ["dnat", (body, place) => parseNat("dnat", body, place)],
  ["snat", (body, place) => parseNat("snat", body, place)],
  ["masquerade", (body, place) => parsePortNat("masquerade", body, place)],
  ["redirect", (body, place) => parsePortNat("redirect", body, place)],
  ["reject", parseReject],
  ["counter", parseCounter],
  ["limit", parseLimit],
  ["log", parseLog],
  ["notrack", (body) => (body === null ? { kind: "notrack" } : undefined)],
]);

const operators: readonly MatchOperator[] = ["==", "!=", "<", ">", "<=", ">=", "in"];

function parseMatch(body: unknown, place: Place): Statement | undefined {
  if (!fits(body, { op: "text", left: "any", right: "any" })) return undefined;
  const left = parseExpression(body["left"], inside(place, "left"));
  if (body["op"] === "!") return noneOf(left, parseExpression(body["right"], inside(place, "right")));
  const operator = operators.find((known) => known === body["op"]);
  if (operator === undefined) return undefined;
  return {
    kind: "match",
    operator,
    left,
    right: parseExpression(body["right"], inside(place, "right"), datatypesOf(left)),
  };
}

/** `tcp flags ! syn,rst`: none of them is set. */
function noneOf(left: Expression, flags: Expression): Statement {
  const some: Expression = { kind: "binary", operator: "&", operands: [left, flags] };
  return { kind: "match", operator: "==", left: some, right: { kind: "number", value: 0 } };
}

function parseVmap(body: unknown, place: Place): Statement | undefined {
  if (!fits(body, { key: "any", data: "any" })) return undefined;
  const key = parseExpression(body["key"], inside(place, "key"));
  return { kind: "vmap", key, data: parseExpression(body["data"], inside(place, "data"), datatypesOf(key)) };
}

function parseMangle(body: unknown, place: Place): Statement | undefined {
  if (!fits(body, { key: "any", value: "any" })) return undefined;
  const target = parseExpression(body["key"], inside(place, "key"));
  const value = parseExpression(body["value"], inside(place, "value"), datatypesOf(target));
  return { kind: "mangle", target, value };
}

function parseSetUpdate(body: unknown, place: Place): Statement | undefined {
  if (!fits(body, { op: "text", elem: "any", set: "text", stmt: "any?" })) return undefined;
  const { op: operation, elem, set, stmt = [] } = body;
  if (operation !== "add" && operation !== "update" && operation !== "delete") return undefined;
  const name = /^@(.+)$/.exec(set as string)?.[1];
  if (name === undefined || !Array.isArray(stmt)) return undefined;
  const element = parseElement(elem, inside(place, "elem"), {});
  // What every element gets stands beside it in JSON, and inside it in nft's own words.
  const own = stmt.map((one, i) => parseStatement(one, inside(inside(place, "stmt"), i)));
  const statements = [...(element.statements ?? []), ...own];
  return { kind: "set-update", operation, set: name, element: own.length === 0 ? element : { ...element, statements } };
}

function parseNat(type: "dnat" | "snat", body: unknown, place: Place): Statement | undefined {
  const shape = { family: "text?", addr: "any?", port: "any?", flags: "texts?", type_flags: "texts?" } as const;
  if (!fits(body, shape)) return undefined;
  const { family, addr, port, flags, type_flags: typeFlags } = body;
  // Networks are mapped one to one: the flag says it too.
  const maps = textsOf(flags).includes("netmap");
  if (textsOf(typeFlags).some((flag) => !maps || flag !== "prefix")) return undefined;
  if (family !== undefined && family !== "ip" && family !== "ip6") return undefined;
  return {
    kind: "nat",
    type,
    ...(family === undefined ? {} : { family }),
    ...(addr === undefined ? {} : { address: parseExpression(addr, inside(place, "addr")) }),
    ...(port === undefined ? {} : { port: parseExpression(port, inside(place, "port")) }),
    flags: textsOf(flags),
  };
}

function parsePortNat(kind: "masquerade" | "redirect", body: unknown, place: Place): Statement | undefined {
  if (body === null) return { kind, flags: [] };
  if (!fits(body, { port: "any?", flags: "texts?" })) return undefined;
  const { port, flags } = body;
  const to = port === undefined ? {} : { port: parseExpression(port, inside(place, "port")) };
  return { kind, ...to, flags: textsOf(flags) };
}

function parseReject(body: unknown): Statement | undefined {
  if (body === null) return { kind: "reject" };
  if (!fits(body, { type: "text", expr: "text?" })) return undefined;
  const { type, expr } = body as { readonly type: string; readonly expr?: string };
  return expr === undefined ? { kind: "reject", type } : { kind: "reject", type, reason: expr };
}

function parseCounter(body: unknown): Statement | undefined {
  if (body === null) return { kind: "counter" };
  if (typeof body === "string") return { kind: "counter-reference", counter: body };
  if (!fits(body, { packets: "number", bytes: "number" })) return undefined;
  return { kind: "counter", packets: body["packets"] as number, bytes: body["bytes"] as number };
}

function parseLimit(body: unknown): Statement | undefined {
  const shape = {
    rate: "number",
    per: "text",
    burst: "number?",
    inv: "flag?",
    rate_unit: "text?",
    burst_unit: "text?",
  };
  if (!fits(body, shape as Parameters<typeof fits>[1])) return undefined;
  const { rate, per, burst, inv, rate_unit: rateUnit, burst_unit: burstUnit } = body;
  return {
    kind: "limit",
    rate: rate as number,
    per: per as string,
    ...(burst === undefined ? {} : { burst: burst as number }),
    ...(inv === undefined ? {} : { over: inv as boolean }),
    ...(rateUnit === undefined ? {} : { rateUnit: rateUnit as string }),
    ...(burstUnit === undefined ? {} : { burstUnit: burstUnit as string }),
  };
}

function parseLog(body: unknown): Statement | undefined {
  if (body === null) return { kind: "log", options: {} };
  return isObject(body) ? { kind: "log", options: body satisfies JsonObject } : undefined;
}
