import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, isSluiceError, type SluiceError } from "../../src/core/errors.ts";
import { loadCluster } from "../../src/cluster/load.ts";
import { execOk } from "../../src/host/exec.ts";
import { suite } from "../support/suite.ts";
import { boutiqueServiceCidrs, boutiqueYaml, plainService } from "./sample-texts.ts";
import { put, temporaryFolder } from "./temporary-folder.ts";

const test = suite("loadCluster");
const named = (name: string): string => plainService.replace("web", name);

async function serviceNames(paths: readonly string[]): Promise<string[]> {
  const { snapshot } = await loadCluster(paths);
  return snapshot.services.map(({ metadata }) => metadata.name);
}

async function failure<C extends ErrorCode>(code: C, loading: Promise<unknown>): Promise<SluiceError<C>> {
  const error: unknown = await loading.then(
    () => assert.fail("was loaded"),
    (thrown: unknown) => thrown,
  );
  if (!isSluiceError(error, code)) throw error;
  return error;
}

test("files are read in the order in which they are named", async () => {
  const [b, a] = [put("order/b.yaml", named("b")), put("order/a.yaml", named("a"))];
  assert.deepEqual(await serviceNames([b, a]), ["b", "a"]);
});

test("a folder is its YAML and JSON files and those of its folders, in order of name", async () => {
  put("tree/b.yml", named("b"));
  put("tree/a/2.json", JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "a2" } }));
  put("tree/a/10.yaml", named("a10"));
  put("tree/c.yaml", named("c"));
  for (const other of ["notes.txt", ".hidden.yaml", ".git/config.yaml", "d.yaml.bak"])
    put(`tree/${other}`, "no: yaml: at all");
  assert.deepEqual(await serviceNames([join(temporaryFolder, "tree")]), ["a10", "a2", "b", "c"]);
});

test("links are followed, but not in circles", async () => {
  const folder = join(temporaryFolder, "linked");
  put("linked/a.yaml", named("a"));
  put("linked/sub/c.yaml", named("c"));
  put("elsewhere/b.yaml", named("b"));
  symlinkSync("../elsewhere", join(folder, "b"));
  symlinkSync("../elsewhere/b.yaml", join(folder, "b.yaml"));
  symlinkSync(".", join(folder, "here"));
  symlinkSync("..", join(folder, "sub", "up"));
  assert.deepEqual(await serviceNames([folder]), ["a", "b", "c"]);
});

test("of an object that stands twice the later one counts, at the place of the first", async () => {
  const first = put("twice/1.yaml", `${named("a")}---\n${named("b")}`);
  const second = put("twice/2.yaml", named("a").replace("80", "81"));
  const { snapshot } = await loadCluster([first, second]);
  assert.deepEqual(
    snapshot.services.map(({ metadata, spec }) => [metadata.name, spec.ports[0]?.port]),
    [
      ["a", 81],
      ["b", 80],
    ],
  );
});

test("a namespace keeps objects of one name apart; unset, it is default", async () => {
  const text = named("a").replace("name: a", "name: a\n  namespace: default");
  const file = put("spaces.yaml", [named("a"), text, text.replace("default", "other")].join("---\n"));
  const { snapshot } = await loadCluster([file]);
  assert.deepEqual(
    snapshot.services.map(({ metadata }) => metadata.namespace),
    ["default", "other"],
  );
});

test("a real cluster is loaded from several files, other kinds are counted over all of them", async () => {
  const pods = put("pods.yaml", "{kind: Pod, apiVersion: v1}\n---\n{kind: Pod, apiVersion: v1}\n");
  const { snapshot, ignored } = await loadCluster([boutiqueYaml, boutiqueServiceCidrs, pods, pods]);
  const sizes = Object.entries(snapshot).map(([kind, objects]) => [kind, (objects as unknown[]).length]);
  assert.deepEqual(Object.fromEntries(sizes), {
    services: 14,
    endpointSlices: 14,
    endpoints: 0,
    nodes: 6,
    serviceCidrs: 1,
  });
  assert.deepEqual(ignored, new Map([["Pod", 4]]));
});

test("- is standard input, among files", async () => {
  const a = put("stdin/a.yaml", named("a"));
  const { snapshot } = await loadCluster([a, "-"], { stdin: () => Promise.resolve(Buffer.from(named("b"))) });
  assert.deepEqual(
    snapshot.services.map(({ metadata }) => metadata.name),
    ["a", "b"],
  );
  const error = await failure("INPUT_INVALID", loadCluster(["-"], { stdin: () => Promise.resolve(Buffer.from("x")) }));
  assert.equal(error.message, 'stdin:1:1: expected a map, got "x"');
});

test("- is the standard input of the process, to its end", async () => {
  const module = new URL("../../src/cluster/load.js", import.meta.url).href;
  const script = `const { loadCluster } = await import(${JSON.stringify(module)});
    const { snapshot } = await loadCluster(["-"]);
    console.log(snapshot.services.length);`;
  const input = Array.from({ length: 5000 }, (_, i) => named(`web-${i}`)).join("---\n");
  assert.equal(await execOk([process.execPath, "--input-type=module", "-e", script], { input }), "5000\n");
});

test("one broken document among many stops the load", async () => {
  const good = put("broken/1.yaml", named("a"));
  const bad = put("broken/2.yaml", `${named("b")}---\n${named("c").replace("80", "many")}---\n${named("d")}`);
  const { details } = await failure("INPUT_INVALID", loadCluster([good, bad]));
  assert.deepEqual([details.file, details.line, details.field], [bad, 19, "spec.ports[0].port"]);
});

test("a file that is not UTF-8 is refused", async () => {
  const file = put("latin1.yaml", Buffer.from("kind: caf\xe9", "latin1"));
  const { details } = await failure("INPUT_INVALID", loadCluster([file]));
  assert.deepEqual([details.line, details.column, details.received], [1, 10, "the byte 0xe9"]);
});

test("what is not there, and a folder without anything to read, cannot be read", async () => {
  const missing = join(temporaryFolder, "missing.yaml");
  const empty = join(put("empty/notes.txt", ""), "..");
  const dangling = join(temporaryFolder, "dangling");
  put("dangling/a.yaml", named("a"));
  symlinkSync("nowhere", join(dangling, "b.yaml"));
  for (const [path, file, reason] of [
    [missing, missing, "no such file or folder"],
    [empty, empty, "no *.yaml, *.yml or *.json in this folder"],
    [dangling, join(dangling, "b.yaml"), "no such file or folder"],
  ] as const) {
    const { details, message } = await failure("INPUT_UNREADABLE", loadCluster([path]));
    assert.deepEqual(details, { file, reason });
    assert.equal(message, `${file}: ${reason}`);
  }
});

test("a file that may not be read, and what is no file, cannot be read", async () => {
  const { details } = await failure("INPUT_UNREADABLE", loadCluster(["/proc/self/mem"]));
  assert.equal(details.file, "/proc/self/mem");
  const name = await failure("INPUT_UNREADABLE", loadCluster(["a\0b"]));
  assert.equal(name.details.file, "a\0b");
});
