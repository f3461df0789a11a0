import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSluiceError } from "../../../src/core/errors.ts";
import { findVectorFiles, loadVector } from "../../../src/lab/conformance/vector-files.ts";
import { suite } from "../../support/suite.ts";
import { literal } from "./vectors.ts";

const test = suite("files and folders of vectors");

const folder = mkdtempSync(join(tmpdir(), "sluice-vectors-"));
const inFolder = (name: string): string => join(folder, name);
for (const name of ["b.json", "a2.json", "a10.json", "index.jsonl", "README.md"]) {
  writeFileSync(inFolder(name), JSON.stringify(literal()));
}
mkdirSync(inFolder("empty"));
test.after(() => rmSync(folder, { recursive: true }));

const isUnreadable = (error: unknown): boolean => isSluiceError(error, "INPUT_UNREADABLE");

test("a folder stands for its *.json, in order of name; files are taken as they are named", async () => {
  const json = ["a10.json", "a2.json", "b.json"].map(inFolder);
  assert.deepEqual(await findVectorFiles([folder]), json);
  assert.deepEqual(await findVectorFiles([inFolder("b.json"), folder, inFolder("index.jsonl")]), [
    inFolder("b.json"),
    ...json,
    inFolder("index.jsonl"),
  ]);
});

test("what is not there, and a folder without vectors, is an error", async () => {
  await assert.rejects(findVectorFiles([inFolder("c.json")]), isUnreadable);
  await assert.rejects(findVectorFiles([inFolder("empty")]), isUnreadable);
});

test("a vector is loaded from its file, and what is none is told with the file", async () => {
  assert.equal((await loadVector(inFolder("b.json"))).service.scheduler, "rr");
  writeFileSync(inFolder("other.json"), "{}");
  await assert.rejects(
    loadVector(inFolder("other.json")),
    (error) => isSluiceError(error, "INPUT_INVALID") && error.details.file === inFolder("other.json"),
  );
});
