/** `-o json` and `-o yaml` print one document in two forms, for every command that finds something. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";

const test = suite("-o json and -o yaml", { timeoutMs: 60_000, sampled: 2 });
const boutique = ["-f", inProject("examples", "boutique.yaml"), "--hostname-override", "node-a1"];
const result = inProject("bench", "stored", "boutique.json");
const vector = inProject("test", "golden", "ipvs", "fo-16.json");

const commands: Readonly<Record<string, readonly string[]>> = {
  "render of a mode whose texts have many lines": ["render", "--mode", "ipvs", ...boutique],
  "trace of one packet": ["trace", "--from", "10.244.1.9", "--to", "10.96.0.10:53/udp", ...boutique],
  "trace --all": ["trace", "--from", "10.244.1.9", "--all", ...boutique],
  conformance: ["conformance", vector],
  "bench compare": ["bench", "compare", result, result],
};

for (const [name, argv] of Object.entries(commands)) {
  test(`${name}: the YAML is one document, and says what the JSON says`, async () => {
    const [json, yaml] = await Promise.all([sluice([...argv, "-o", "json"]), sluice([...argv, "-o", "yaml"])]);
    assert.equal(json.exitCode, 0, json.stderr);
    assert.equal(yaml.exitCode, 0, yaml.stderr);
    assert.match(yaml.stdout, /^---\n/);
    const documents = parseAllDocuments(yaml.stdout);
    assert.equal(documents.length, 1);
    assert.deepEqual((documents as { toJS(): unknown }[])[0]!.toJS(), JSON.parse(json.stdout));
  });
}

test("render takes a format or a form, not both, and -o json is --format json", async () => {
  const render = ["render", ...boutique];
  const both = await sluice([...render, "--format", "save", "-o", "json"]);
  assert.equal(both.exitCode, 2);
  assert.match(both.stderr, /format/);
  const [form, format] = await Promise.all([
    sluice([...render, "-o", "json"]),
    sluice([...render, "--format", "json"]),
  ]);
  assert.equal(form.stdout, format.stdout);
});

test("another form is refused by name", async () => {
  const { exitCode, stderr } = await sluice(["trace", "--from", "10.0.0.1", "--to", "10.0.0.2:1", "-o", "xml"]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /-o|table, json, yaml/);
});
