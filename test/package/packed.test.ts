/** What `npm pack` makes, installed where nothing else of ours is. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { exec, execOk } from "../../src/host/exec.ts";
import { isFullRun } from "../support/full-run.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const PACK_MS = 280_000;
/** What a pack reads, and what its scripts do. */
const sources =
  "LICENSE NOTICE README.md examples native package-lock.json package.json scripts src tsconfig.build.json tsconfig.json";
/** Where not everything is to run, the addon comes along and is not compiled once more. */
const copied = [...sources.split(" "), ...(isFullRun() ? [] : ["build"])];
const { version } = JSON.parse(readFileSync(inProject("package.json"), "utf8")) as { version: string };

const folder = mkdtempSync(join(tmpdir(), "sluice-packed-"));
const home = join(folder, "empty");
const installed = join(home, "node_modules", "sluice");
const missing = await whyNot();
const test = suite("packed tarball", { timeoutMs: PACK_MS });
test.after(() => rmSync(folder, { recursive: true }));

/**
 * Links to each package by itself. Through a link to the whole folder an `npm ci` of the copy would empty ours; the list of
 * what is installed is a fresh copy, so that it has no reason for one.
 */
function linkPackages(to: string): void {
  const from = inProject("node_modules");
  const names = readdirSync(from).filter((name) => !name.startsWith("."));
  const inScope = (scope: string): string[] => readdirSync(join(from, scope)).map((name) => join(scope, name));
  for (const name of [".bin", ...names.flatMap((one) => (one.startsWith("@") ? inScope(one) : [one]))]) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    symlinkSync(join(from, name), join(to, name));
  }
  copyFileSync(join(from, ".package-lock.json"), join(to, ".package-lock.json"));
}

/** Packs a copy: packing builds anew, and others are using what is built here. @returns the tarball. */
async function pack(): Promise<string> {
  const checkout = join(folder, "checkout");
  const kept = { recursive: true, preserveTimestamps: true } as const;
  for (const name of copied) cpSync(inProject(name), join(checkout, name), kept);
  linkPackages(join(checkout, "node_modules"));
  await execOk(["npm", "--prefix", checkout, "pack", checkout, "--pack-destination", folder], { timeoutMs: PACK_MS });
  return join(folder, `sluice-${version}.tgz`);
}

/**
 * Installs it without the registry: what it depends on is there already, as it is here, so npm has nothing to fetch.
 */
async function install(tarball: string): Promise<void> {
  const listed = await execOk(["npm", "--prefix", inProject(), "ls", "--omit=dev", "--all", "--parseable"]);
  mkdirSync(join(home, "node_modules"), { recursive: true });
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "empty", version: "1.0.0", private: true }));
  for (const path of listed.trim().split("\n").slice(1)) {
    // One inside another comes with it.
    const place = join(home, relative(inProject(), path));
    if (!existsSync(place)) cpSync(path, place, { recursive: true });
  }
  const quiet = ["--no-audit", "--no-fund", "--offline", "--ignore-scripts"];
  await execOk(["npm", "install", "--prefix", home, ...quiet, tarball], { timeoutMs: PACK_MS });
}

/** What a module of that folder prints. */
async function run(source: string): Promise<unknown> {
  const file = join(home, "program.mjs");
  writeFileSync(file, source);
  return JSON.parse(await execOk([process.execPath, file]));
}

async function whyNot(): Promise<string | undefined> {
  if (process.platform !== "linux") return "a prebuilt addon is for Linux only";
  const works = await exec(["cc", "--version"]).catch(() => undefined);
  return works?.exitCode === 0 ? undefined : "there is no C compiler";
}

const behaviours: Readonly<Record<string, () => Promise<void>>> = {
  async "it can be packed and installed without a registry, without a script"() {
    await install(await pack());
    assert.ok(!existsSync(join(installed, "build")), "nothing was built there");
  },

  async "both doors open"() {
    const doors = await run(`
      const sluice = await import("sluice");
      const balancers = await import("sluice/balancers");
      console.log(JSON.stringify([typeof sluice.createWorkersDataplane, typeof balancers.createBalancer]));
    `);
    assert.deepEqual(doors, ["function", "function"]);
  },

  async "the command says its version"() {
    const said = await execOk(["env", "-C", home, "npx", "--offline", "--no-install", "sluice", "--version"]);
    assert.equal(said, `${version}\n`);
  },

  async "the engine in C is the prebuilt one"() {
    const loaded = await run(`
      import { createWorkersDataplane } from "sluice";
      const dataplane = createWorkersDataplane({ engine: "native", workers: 1 });
      const addons = process.report.getReport().sharedObjects.filter((file) => file.endsWith(".node"));
      console.log(JSON.stringify({ engine: dataplane.status().engine, addons }));
      await dataplane.close();
    `);
    const prebuilt = join(installed, "prebuilds", `${process.platform}-${process.arch}`, "sluice.node");
    assert.deepEqual(loaded, { engine: "native", addons: [prebuilt] });
  },
};

for (const [name, behaviour] of Object.entries(behaviours)) {
  if (missing !== undefined) test.skip(name, missing);
  else test(name, behaviour);
}
