/**
 * Builds the C engine where it is older than its source: with npm's node-gyp, else with the plain C compiler. Where
 * there is neither, or the headers of Node are missing, it says so in one line and succeeds: the package works without.
 * With SLUICE_REQUIRE_NATIVE set that is a failure. With --prebuild the package gets a copy for this platform.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "build", "Release", "sluice.node");
const load = join(root, "build", "Release", "sluice-load");
const prebuilt = join(root, "prebuilds", `${process.platform}-${process.arch}`, "sluice.node");
const isCheckout = existsSync(join(root, "tsconfig.json"));
const { CC: cc = "cc", SLUICE_REQUIRE_NATIVE: required, npm_config_node_gyp: nodeGyp } = process.env;
const options = ["-std=c11", "-D_GNU_SOURCE", "-DNAPI_VERSION=9", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"];
const warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

const runs = (command, args) => spawnSync(command, args, { cwd: root, encoding: "utf8" });
const lastLine = (text) => text.trim().split("\n").at(-1) ?? "";
const filesIn = (folder, extension) =>
  readdirSync(join(root, "native", folder))
    .filter((file) => extension.test(file))
    .map((file) => join("native", folder, file));
const filesOf = (extension) => ["core", "binding"].flatMap((folder) => filesIn(folder, extension));

function isFresh(made, sources) {
  if (!existsSync(made)) return false;
  const builtMs = statSync(made).mtimeMs;
  return sources.every((file) => statSync(join(root, file)).mtimeMs <= builtMs);
}

/** @returns the folder that has include/node/ below it. */
function nodePrefix() {
  const prefixes = [dirname(dirname(process.execPath)), "/usr"];
  const header = (prefix, name) => join(prefix, "include", "node", name);
  return prefixes.find((prefix) => ["node_api.h", "uv.h"].every((name) => existsSync(header(prefix, name))));
}

/** @returns why it did not work. */
function withNodeGyp() {
  if (nodeGyp === undefined) return "no node-gyp";
  const prefix = nodePrefix();
  const headers = prefix === undefined ? [] : [`--nodedir=${prefix}`];
  const built = runs(process.execPath, [nodeGyp, "rebuild", "--silent", "-C", join(root, "native"), ...headers]);
  const made = join(root, "native", "build", "Release", "sluice.node");
  if (built.status !== 0 || !existsSync(made)) return `node-gyp: ${lastLine(built.stderr) || "it failed"}`;
  install(made);
  return undefined;
}

/** @returns why it did not work. */
function withCompiler() {
  if (runs(cc, ["--version"]).status !== 0) return `no C compiler (${cc})`;
  const prefix = nodePrefix();
  if (prefix === undefined) return "no headers of Node beside it or in /usr/include/node";
  const made = `${target}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  // Headers of Node are not ours to warn about.
  const headers = ["-isystem", join(prefix, "include", "node")];
  const built = runs(cc, [...options, ...warnings, ...headers, "-o", made, ...filesOf(/\.c$/)]);
  if (built.status !== 0) return `${cc}: ${built.stderr.split("\n").find((line) => line.includes("error")) ?? ""}`;
  install(made);
  return undefined;
}

/** A process that has the old one open keeps it. */
function install(made) {
  mkdirSync(dirname(target), { recursive: true });
  renameSync(made, target);
}

/** The load generator of benchmarks, which does without Node. @returns why it did not work. */
function buildLoad() {
  if (process.platform !== "linux") return `it runs on Linux, and this is ${process.platform}`;
  if (runs(cc, ["--version"]).status !== 0) return `no C compiler (${cc})`;
  const made = `${load}.${process.pid}`;
  mkdirSync(dirname(load), { recursive: true });
  const built = runs(cc, ["-std=c11", "-D_GNU_SOURCE", "-O2", ...warnings, "-o", made, ...filesIn("load", /\.c$/)]);
  if (built.status !== 0) return `${cc}: ${built.stderr.split("\n").find((line) => line.includes("error")) ?? ""}`;
  renameSync(made, load);
  return undefined;
}

function build() {
  if (process.platform !== "linux") return `it runs on Linux, and this is ${process.platform}`;
  const failures = [];
  for (const attempt of [withNodeGyp, withCompiler]) {
    const failure = attempt();
    if (failure === undefined) return undefined;
    failures.push(failure);
  }
  return failures.join("; ");
}

/** Of a package that brings its own; one of another C library does not load here. */
function isPrebuilt() {
  if (isCheckout) return false;
  try {
    return createRequire(import.meta.url)(prebuilt) !== undefined;
  } catch {
    return false;
  }
}

/** In a checkout `npm ci` goes on to `prepare`, which comes here again. */
const later = isCheckout && process.env.npm_lifecycle_event === "install";
const failure = later || isPrebuilt() || isFresh(target, filesOf(/\.[ch]$/)) ? undefined : build();
if (failure !== undefined) {
  console.warn(`sluice: the C engine is not built (${failure}): the Node engine will carry traffic`);
  if (required !== undefined) process.exit(1);
} else if (process.argv.includes("--prebuild")) {
  mkdirSync(dirname(prebuilt), { recursive: true });
  copyFileSync(target, prebuilt);
}
// Only a checkout brings its source along: a package measures by the generator in a thread, and says so.
const noLoad = later || !isCheckout || isFresh(load, filesIn("load", /\.[ch]$/)) ? undefined : buildLoad();
if (noLoad !== undefined)
  console.warn(`sluice: the load generator in C is not built (${noLoad}): one in a thread will do`);
