/** The parser against `nft -j list ruleset` of kernels that kube-proxy 1.36 programmed. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseNftables } from "../../../src/modes/nftables/parse.ts";
import type { NamedSet, NftablesRuleset, Table } from "../../../src/modes/nftables/ruleset.ts";
import { scenarioFolders } from "../../support/recorded-scenario.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";
import { stagesOf } from "./stages.ts";
import { toJson } from "./to-json.ts";

const test = suite("nft's JSON, recorded");
const scenarios = scenarioFolders(inProject("test", "golden", "kube-proxy"));
const boutique = inProject("test", "golden", "clusters", "boutique");
const ofBoutique = readdirSync(boutique).filter((name) => name.startsWith("expected"));
const dumps = [
  ...scenarios.flatMap((folder) =>
    readdirSync(join(folder, "expected"))
      .filter((file) => file.endsWith(".nft.json.gz"))
      .map((file) => join(folder, "expected", file)),
  ),
  ...ofBoutique.map((folder) => join(boutique, folder, "nftables", "nft.json.gz")),
];

const read = (file: string): string => gunzipSync(readFileSync(file)).toString();

test("every dump comes back from the data object for object", () => {
  let objects = 0;
  for (const file of dumps) {
    const text = read(file);
    const ours = toJson(parseNftables(text, file));
    assert.deepEqual(sorted(ours), sorted(objectsOf(text)), file);
    objects += ours.length;
  }
  console.log(`${dumps.length} dumps with ${objects} objects read and written back`);
  assert.equal(dumps.length, 189);
  assert.ok(objects > 8365, `${objects} objects`);
});

test("nothing in them is unknown", () => {
  for (const file of dumps) {
    const text = JSON.stringify(parseNftables(read(file), file));
    assert.ok(!text.includes('"unknown"') && !text.includes('"others"'), file);
  }
});

/** The ip table of this one was never loaded: see recorded.test.ts. */
const halfLoaded = "159-long-names-no-endpoints";

test("what is read of a dump is what the compiler makes of the same cluster", () => {
  let compared = 0;
  for (const folder of scenarios) {
    for (const { name, ruleset } of stagesOf(folder)) {
      const file = join(folder, "expected", `${name}.nftables.nft.json.gz`);
      if (!existsSync(file)) continue;
      const theirs = comparable(parseNftables(read(file), file));
      const ours = comparable(ruleset);
      if (basename(folder) === halfLoaded) delete ours["ip"];
      assert.deepEqual(theirs, ours, file);
      compared += 1;
    }
  }
  assert.equal(compared, 186);
});

/** Order means nothing but for the rules of one chain, so those of a chain get their place as a number. */
function sorted(objects: readonly unknown[]): readonly string[] {
  const places = new Map<string, number>();
  return objects
    .map((object) => {
      const { rule } = object as { rule?: { family: string; table: string; chain: string } };
      if (rule === undefined) return canonical(object);
      const chain = `${rule.family} ${rule.table} ${rule.chain}`;
      const place = places.get(chain) ?? 0;
      places.set(chain, place + 1);
      return canonical({ ...(object as object), place });
    })
    .sort();
}

/** JSON with the members of objects in order of name. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function objectsOf(text: string): readonly unknown[] {
  const { nftables } = JSON.parse(text) as { nftables: readonly object[] };
  return nftables.filter((object) => !("metainfo" in object));
}

/** Without what nft 1.0.6 leaves out of its JSON, and without the order of chains, sets and elements. */
function comparable({ tables }: NftablesRuleset): Record<string, unknown> {
  const entries = tables.map((table): [string, unknown] => [table.family, comparableTable(table)]);
  return Object.fromEntries(entries);
}

function comparableTable({ name, sets, chains }: Table): unknown {
  return {
    name,
    sets: Object.fromEntries(sets.map((set) => [set.name, comparableSet(set)])),
    chains: Object.fromEntries(chains.map(({ name: chain, base, rules }) => [chain, { base, rules }])),
  };
}

function comparableSet({ flags, elements, ...about }: NamedSet): unknown {
  return {
    ...about,
    flags: flags.filter((flag) => flag !== "dynamic"),
    elements: elements.map((element) => canonical(element)).sort(),
  };
}
