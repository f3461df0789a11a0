/** The three ways in which the addon comes to be, or does not: node-gyp, the plain C compiler, neither. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { exec } from "../../src/host/exec.ts";
import { loadAddon } from "../../src/host/addon.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const BUILD_MS = 200_000;
const NO_COMPILER = "/nowhere/cc";
const folder = mkdtempSync(join(tmpdir(), "sluice-builds-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

const nodeGyp = await findNodeGyp();
const missing = process.platform === "linux" ? await whyNot("cc", "make", "python3") : "it runs on Linux only";
const test = suite("ways to build the addon", { timeoutMs: BUILD_MS + 20_000, sampled: 2 });

interface Built {
  readonly home: string;
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** Builds what a package brings along, in a folder of its own, as npm does where it is installed. */
async function build(name: string, environment: Readonly<Record<string, string>>): Promise<Built> {
  const home = join(folder, name);
  for (const part of ["native/core", "native/binding", "native/binding.gyp", "scripts/build-native.mjs"]) {
    cpSync(inProject(part), join(home, part), { recursive: true });
  }
  const ours = ["-u", "CC", "-u", "npm_config_node_gyp", "-u", "SLUICE_REQUIRE_NATIVE", "-u", "npm_lifecycle_event"];
  const given = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  const script = join(home, "scripts", "build-native.mjs");
  const argv = ["env", ...ours, ...given, process.execPath, script] as const;
  return { home, ...(await exec(argv, { timeoutMs: BUILD_MS })) };
}

const isGypsWork = (home: string): boolean => existsSync(join(home, "native", "build", "Makefile"));

async function findNodeGyp(): Promise<string | undefined> {
  const { exitCode, stdout } = await exec(["npm", "root", "--global"]);
  const found = [stdout.trim(), join(dirname(dirname(process.execPath)), "lib", "node_modules")]
    .map((root) => join(root, "npm", "node_modules", "node-gyp", "bin", "node-gyp.js"))
    .find((file) => existsSync(file));
  return exitCode === 0 ? found : undefined;
}

async function whyNot(...commands: readonly string[]): Promise<string | undefined> {
  for (const command of commands) {
    const works = await exec([command, "--version"]).catch(() => undefined);
    if (works?.exitCode !== 0) return `${command} does not work`;
  }
  return undefined;
}

const byGyp = "with node-gyp, where npm names one";
const noGyp = nodeGyp === undefined ? "npm brings no node-gyp" : missing;
if (noGyp !== undefined) test.skip(byGyp, noGyp);
else
  test(byGyp, async () => {
    const { home, exitCode, stderr } = await build("gyp", { npm_config_node_gyp: nodeGyp! });
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
    assert.ok(isGypsWork(home));
    assert.equal(typeof loadAddon(home), "object");
  });

const plain = "with the plain C compiler, where there is no node-gyp and where it fails";
if (missing !== undefined) test.skip(plain, missing);
else
  test(plain, async () => {
    for (const [name, environment] of [
      ["plain", {}],
      ["after-gyp", { npm_config_node_gyp: join(folder, "no-such-file.js") }],
    ] as const) {
      const { home, exitCode, stderr } = await build(name, environment);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" }, name);
      assert.ok(!isGypsWork(home), name);
      assert.equal(typeof loadAddon(home), "object", name);
    }
  });

test("not at all, said in one line: a success, unless it is required", async () => {
  const { home, exitCode, stderr } = await build("none", { CC: NO_COMPILER });
  assert.equal(exitCode, 0);
  assert.match(stderr, /^sluice: the C engine is not built \(.*\): the Node engine will carry traffic\n$/);
  if (process.platform === "linux") assert.match(stderr, /no node-gyp; no C compiler \(\/nowhere\/cc\)/);
  assert.match(loadAddon(home) as string, /^the C engine is not built for /);
  const required = await build("required", { CC: NO_COMPILER, SLUICE_REQUIRE_NATIVE: "1" });
  assert.deepEqual({ exitCode: required.exitCode, stderr: required.stderr }, { exitCode: 1, stderr });
});
