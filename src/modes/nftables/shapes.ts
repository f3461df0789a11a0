/** What may stand behind the name of an expression or a statement in nft's JSON. Whatever does not fit is unknown. */
import { isObject, type JsonObject } from "./json-reader.ts";

type Kind = "text" | "number" | "flag" | "texts" | "any";
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>;

/** A text stands for a list of one. */
const tests: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  flag: (value) => typeof value === "boolean",
  texts: (value) => isText(value) || (Array.isArray(value) && value.every(isText)),
  any: () => true,
};

/** Whether an object has all members of the shape, but for those that end in `?`, and no others. */
export function fits(value: unknown, shape: Shape): value is JsonObject {
  if (!isObject(value) || Object.keys(value).some((member) => !Object.hasOwn(shape, member))) return false;
  return Object.entries(shape).every(([member, kind]) => {
    const isThere = value[member] !== undefined;
    if (!isThere) return kind.endsWith("?");
    return tests[kind.replace("?", "") as Kind](value[member]);
  });
}

export function textsOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return isText(value) ? [value] : (value as readonly string[]);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
