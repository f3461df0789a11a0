/**
 * Builds the C engine: with node-gyp where it is installed, else with the plain C compiler. Where there is neither, or
 * the headers of Node are missing, it says so in one line and succeeds: the package works without. With
 * SLUICE_REQUIRE_NATIVE set that is a failure.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "build", "Release", "sluice.node");
const { CC: cc = "cc", SLUICE_REQUIRE_NATIVE: required } = process.env;
const options = ["-std=c11", "-D_GNU_SOURCE", "-DNAPI_VERSION=9", "-O2", "-fPIC", "-shared", "-fvisibility=hidden"];
const warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

const runs = (command, args) => spawnSync(command, args, { cwd: root, encoding: "utf8" });
const lastLine = (text) => text.trim().split("\n").at(-1) ?? "";
const sources = ["core", "binding"].flatMap((folder) =>
  readdirSync(join(root, "native", folder))
    .filter((file) => file.endsWith(".c"))
    .map((file) => join("native", folder, file)),
);

/** @returns why it did not work. */
function withNodeGyp() {
  let nodeGyp;
  try {
    nodeGyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
  } catch {
    return "no node-gyp";
  }
  const built = runs(process.execPath, [nodeGyp, "rebuild", "--silent", "-C", join(root, "native")]);
  const made = join(root, "native", "build", "Release", "sluice.node");
  if (built.status !== 0 || !existsSync(made)) return `node-gyp: ${lastLine(built.stderr)}`;
  install(made);
  return undefined;
}

/** @returns why it did not work. */
function withCompiler() {
  if (runs(cc, ["--version"]).status !== 0) return `no C compiler (${cc})`;
  const includes = [join(dirname(dirname(process.execPath)), "include", "node"), "/usr/include/node"];
  const headers = includes.find((folder) => existsSync(join(folder, "node_api.h")) && existsSync(join(folder, "uv.h")));
  if (headers === undefined) return `no headers of Node in ${includes.join(" or ")}`;
  const made = `${target}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  // Headers of Node are not ours to warn about.
  const built = runs(cc, [...options, ...warnings, "-isystem", headers, "-o", made, ...sources]);
  if (built.status !== 0) return `${cc}: ${built.stderr.split("\n").find((line) => line.includes("error")) ?? ""}`;
  install(made);
  return undefined;
}

/** A process that has the old one open keeps it. */
function install(made) {
  mkdirSync(dirname(target), { recursive: true });
  renameSync(made, target);
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

const failure = build();
if (failure !== undefined) {
  console.warn(`sluice: the C engine is not built (${failure}): the Node engine will carry traffic`);
  if (required !== undefined) process.exitCode = 1;
}
