import { SluiceError } from "../../core/errors.ts";
import { readJson } from "../../core/read-json.ts";
import { positionAt } from "../../core/text-position.ts";
import { dumpInvalid, inside, type JsonObject, type Place, readList, readObject, readText } from "./json-reader.ts";
import { parseChain, parseOther, parseRule, parseSet, parseTable, type TableHead } from "./parse-objects.ts";
import type { Chain, NamedObject, NamedSet, NftablesRuleset, Rule, Table } from "./ruleset.ts";

/**
 * Reads what `nft -j list ruleset` printed, of any host. What no type describes is kept verbatim, so that nothing is
 * lost but handles, which nft makes up anew, and the version of nft.
 *
 * Up to nft 1.0.6 at least that JSON lacks the comments of tables and chains, and which sets are dynamic.
 *
 * @param file names the text in errors.
 * @throws {SluiceError} INPUT_INVALID, with line and column, for a text that is no JSON or not of this form, for a rule whose
 *   chain is not listed, and for a chain or set whose table is not.
 */
export function parseNftables(text: string, file: string): NftablesRuleset {
  if (NO_JSON.test(text)) throw notJson(text, file);
  return readJson(text, file, (value) => readRuleset(value, file));
}

const NO_JSON = /^\s*(?!(?:null|true|false)\s*$)[^\s{["\d-]/;

function notJson(text: string, file: string): SluiceError<"INPUT_INVALID"> {
  const { line, column } = positionAt(text, text.search(/\S/));
  const expected =
    "what nft -j list ruleset printed, which begins with { (the text of nft list ruleset becomes it by: " +
    "unshare -rn sh -c 'nft -f FILE && nft -j list ruleset')";
  const received = JSON.stringify(text.trim().split("\n", 1)[0]!.slice(0, 60));
  const details = { file, line, column, field: "", expected, received };
  return new SluiceError("INPUT_INVALID", `${file}:${line}:${column}: expected ${expected}, got ${received}`, details);
}

function readRuleset(value: unknown, file: string): NftablesRuleset {
  const root: Place = { file, field: "nftables" };
  const tables = new Map<string, TableDraft>();
  const listed = readList(readObject(value, { file, field: "the text" }), "nftables", {
    file,
    field: "",
  });
  for (const [i, entry] of listed.entries()) {
    const [type, ...rest] = Object.keys(readObject(entry, inside(root, i)));
    if (type === undefined || rest.length > 0) throw dumpInvalid(inside(root, i), "one object", entry);
    if (type === "metainfo") continue;
    const place = inside(inside(root, i), type);
    addObject(tables, type, readObject((entry as JsonObject)[type], place), place);
  }
  return { tables: Array.from(tables.values(), finishTable) };
}

interface TableDraft {
  readonly about: TableHead;
  readonly sets: NamedSet[];
  readonly chains: Map<string, { readonly about: Omit<Chain, "rules">; readonly rules: Rule[] }>;
  readonly objects: NamedObject[];
}

function addObject(tables: Map<string, TableDraft>, type: string, object: JsonObject, place: Place): void {
  const family = readText(object, "family", place);
  if (type === "table") {
    const about = parseTable(object, family, place);
    tables.set(`${family} ${about.name}`, { about, sets: [], chains: new Map(), objects: [] });
    return;
  }
  const name = readText(object, "table", place);
  const table = tables.get(`${family} ${name}`);
  if (table === undefined) throw dumpInvalid(inside(place, "table"), "a table that is listed before", name);
  switch (type) {
    case "set":
    case "map":
      table.sets.push(parseSet(object, type === "map", place));
      break;
    case "chain": {
      const about = parseChain(object, place);
      table.chains.set(about.name, { about, rules: [] });
      break;
    }
    case "rule":
      rulesOf(table, object, place).push(parseRule(object, place));
      break;
    default:
      table.objects.push(parseOther(type, object, place));
  }
}

function rulesOf(table: TableDraft, object: JsonObject, place: Place): Rule[] {
  const name = readText(object, "chain", place);
  const chain = table.chains.get(name);
  if (chain === undefined) throw dumpInvalid(inside(place, "chain"), "a chain that is listed before", name);
  return chain.rules;
}

function finishTable({ about, sets, chains, objects }: TableDraft): Table {
  return {
    ...about,
    sets,
    chains: Array.from(chains.values(), (chain) => ({ ...chain.about, rules: chain.rules })),
    objects,
  };
}
