import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { isSluiceError } from "../../src/core/errors.ts";
import { parseObjects } from "../../src/cluster/parse.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { damaged } from "./mutations.ts";
import { smallTexts } from "./sample-texts.ts";

const test = suite("cluster input, damaged", { timeoutMs: 300_000 });
const settings = { seed, numRuns: runs(10_000, 2000) };
type Parsed = ReturnType<typeof parseObjects>;

/** What parseObjects says of a text: its objects, or the error's place; anything else that is thrown fails the test. */
function outcome(text: string, file: string): Parsed | { readonly refused: string } {
  try {
    return parseObjects(text, file);
  } catch (error) {
    if (!isSluiceError(error, "INPUT_INVALID")) throw error;
    const { line, column } = error.details;
    const lines = text.replace(/^\ufeff/, "").split("\n");
    assert.ok(line !== undefined && line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
    assert.ok(column !== undefined && column >= 1 && column <= lines[line - 1]!.length + 1, `column ${line}:${column}`);
    return { refused: error.message };
  }
}

test("a damaged text is read or refused with a place within it, in less than 2 s of processor time", () => {
  const property = fc.property(damaged(smallTexts), fc.constantFrom("a.yaml", "a.json"), (text, file) => {
    const before = process.cpuUsage();
    outcome(text, file);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 2_000_000, `${(user + system) / 1e6} s`);
  });
  fc.assert(property, settings);
});

/** The same by the YAML library alone, which reads the whole text at once; undefined where it refuses the text. */
function byLibrary(text: string): Parsed | undefined {
  try {
    const documents = parseAllDocuments(text.replace(/^\ufeff/, ""), { prettyErrors: false, logLevel: "error" });
    if (!Array.isArray(documents)) return { objects: [], ignored: new Map(), blank: true };
    if (documents.some(({ errors }) => errors.length > 0)) return undefined;
    const parsed = documents.map((document) => parseObjects(toJson(document.toJS({ maxAliasCount: 1000 })), "a.json"));
    const ignored = new Map<string, number>();
    for (const [kind, count] of parsed.flatMap((one) => [...one.ignored])) {
      ignored.set(kind, (ignored.get(kind) ?? 0) + count);
    }
    return { objects: parsed.flatMap(({ objects }) => objects), ignored, blank: parsed.every(({ blank }) => blank) };
  } catch {
    return undefined;
  }
}

/** JSON has no NaN, which a YAML number may be. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === "number" && !Number.isFinite(field) ? String(field) : field,
  );
}

/** Merge keys, which the library reads as plain keys; and `"a\\"` before `---`, which it takes for a closed string. */
const stricter = /merge key|missing closing/;

test("a text that is cut into pieces and read by its plain form gives what the YAML library gives for the whole", () => {
  // JSON is not read as YAML, and differs from it in keys that stand twice.
  const texts = smallTexts.filter((text) => !text.startsWith("{"));
  const property = fc.property(damaged(texts), (text) => {
    const ours = outcome(text, "a.yaml");
    const theirs = byLibrary(text);
    if ("objects" in ours) assert.deepEqual(ours, theirs);
    else if (!stricter.test(ours.refused)) assert.equal(theirs, undefined, ours.refused);
  });
  fc.assert(property, settings);
});
