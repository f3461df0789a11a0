import type { Datatype } from "./datatypes.ts";
import { dumpInvalid, inside, isObject, membersBesides, type Place, present, readOptional } from "./json-reader.ts";
import { parseExpression } from "./parse-expression.ts";
import { parseStatement } from "./parse-statement.ts";
import type { Element } from "./ruleset.ts";

/** How the values of a set are to be read. */
interface ElementTypes {
  /** Of the keys, part by part. */
  readonly types?: readonly Datatype[];
  readonly dataTypes?: readonly Datatype[];
}

const known = new Set(["val", "comment", "timeout", "expires"]);

/**
 * Reads an element of a set, or of a map: a pair of key and value.
 *
 * @throws {SluiceError} INPUT_INVALID.
 */
export function parseElement(json: unknown, place: Place, { types, dataTypes }: ElementTypes): Element {
  if (!Array.isArray(json)) return parseKey(json, place, types);
  if (json.length !== 2) throw dumpInvalid(place, "a key and a value", json);
  const data = parseExpression(json[1], inside(place, 1), dataTypes);
  return { ...parseKey(json[0], inside(place, 0), types), data };
}

/** The key alone, or with what comes with it. */
function parseKey(json: unknown, place: Place, types: ElementTypes["types"]): Element {
  const whole = isObject(json) ? json["elem"] : undefined;
  if (!isObject(whole)) return { key: parseExpression(json, place, types) };
  const at = inside(place, "elem");
  const statements = Object.entries(membersBesides(whole, known) ?? {});
  return present<Element>({
    key: parseExpression(whole["val"], inside(at, "val"), types),
    data: undefined,
    comment: readOptional(whole, "comment", "string", at),
    timeoutSeconds: readOptional(whole, "timeout", "number", at),
    expiresSeconds: readOptional(whole, "expires", "number", at),
    statements:
      statements.length === 0 ? undefined : statements.map(([name, body]) => parseStatement({ [name]: body }, at)),
  });
}
