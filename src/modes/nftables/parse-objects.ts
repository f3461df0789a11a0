import { datatypesNamed } from "./datatypes.ts";
import {
  dumpInvalid,
  inside,
  type JsonObject,
  membersBesides,
  type Place,
  present,
  readList,
  readOptional,
  readText,
  readTexts,
} from "./json-reader.ts";
import { parseElement } from "./parse-element.ts";
import { parseStatement } from "./parse-statement.ts";
import {
  type Chain,
  type Hook,
  type NamedObject,
  type NamedSet,
  type Rule,
  type Statement,
  type Table,
  tableFamilies,
} from "./ruleset.ts";

/** A table before what is in it. */
export type TableHead = Omit<Table, "sets" | "chains" | "objects">;

const tableMembers = new Set(["family", "name", "handle", "comment", "flags"]);

export function parseTable(object: JsonObject, family: string, place: Place): TableHead {
  const known = tableFamilies.find((one) => one === family);
  if (known === undefined) throw dumpInvalid(inside(place, "family"), `one of ${tableFamilies.join(", ")}`, family);
  return present<TableHead>({
    family: known,
    name: readText(object, "name", place),
    comment: readOptional(object, "comment", "string", place),
    flags: object["flags"] === undefined ? undefined : readTexts(object, "flags", place),
    others: membersBesides(object, tableMembers),
  });
}

const chainMembers = new Set(["family", "table", "name", "handle", "comment", "type", "hook", "prio", "policy", "dev"]);

export function parseChain(object: JsonObject, place: Place): Omit<Chain, "rules"> {
  return present<Omit<Chain, "rules">>({
    name: readText(object, "name", place),
    base: object["hook"] === undefined ? undefined : parseHook(object, place),
    comment: readOptional(object, "comment", "string", place),
    others: membersBesides(object, chainMembers),
  });
}

function parseHook(object: JsonObject, place: Place): Hook {
  const priority = readOptional(object, "prio", "number", place);
  if (priority === undefined) throw dumpInvalid(inside(place, "prio"), "a number", undefined);
  return present<Hook>({
    type: readText(object, "type", place),
    hook: readText(object, "hook", place),
    priority,
    policy: readOptional(object, "policy", "string", place),
    devices: object["dev"] === undefined ? undefined : readTexts(object, "dev", place),
  });
}

const setMembers = new Set([
  "family",
  "table",
  "name",
  "handle",
  "map",
  "flags",
  "timeout",
  "gc-interval",
  "size",
  "comment",
  "stmt",
  "elem",
]);
const typedMembers = new Set([...setMembers, "type"]);

/** The types of a map's values are one text, or a list as those of keys. */
export function parseSet(object: JsonObject, isMap: boolean, place: Place): NamedSet {
  const isNamed = typeof object["type"] === "string" || Array.isArray(object["type"]);
  const key = isNamed ? readTexts(object, "type", place) : [];
  const data = isMap ? readTexts(object, "map", place).flatMap((types) => types.split(" . ")) : undefined;
  const types = { types: datatypesNamed(key), dataTypes: datatypesNamed(data ?? []) };
  return present<NamedSet>({
    name: readText(object, "name", place),
    key,
    data,
    flags: readTexts(object, "flags", place),
    timeoutSeconds: readOptional(object, "timeout", "number", place),
    gcIntervalSeconds: readOptional(object, "gc-interval", "number", place),
    size: readOptional(object, "size", "number", place),
    comment: readOptional(object, "comment", "string", place),
    statements: object["stmt"] === undefined ? undefined : parseStatements(object, "stmt", place),
    elements: readList(object, "elem", place).map((element, i) => {
      return parseElement(element, inside(inside(place, "elem"), i), types);
    }),
    others: membersBesides(object, isNamed ? typedMembers : setMembers),
  });
}

const ruleMembers = new Set(["family", "table", "chain", "handle", "comment", "expr"]);

export function parseRule(object: JsonObject, place: Place): Rule {
  return present<Rule>({
    statements: parseStatements(object, "expr", place),
    comment: readOptional(object, "comment", "string", place),
    others: membersBesides(object, ruleMembers),
  });
}

function parseStatements(object: JsonObject, member: string, place: Place): readonly Statement[] {
  return readList(object, member, place).map((statement, i) => {
    return parseStatement(statement, inside(inside(place, member), i));
  });
}

const placeMembers = new Set(["family", "table", "name", "handle"]);

export function parseOther(type: string, object: JsonObject, place: Place): NamedObject {
  return { type, name: readText(object, "name", place), members: membersBesides(object, placeMembers) ?? {} };
}
