// Builds what the package ships: the C engine, and dist/.
import { chmodSync, rmSync, statSync } from "node:fs";
import { install, root, run } from "./install.mjs";

const main = `${root}/dist/cli/main.js`;
const beganMs = Date.now();
install();
// An installation comes here by itself, by way of `prepare`, unless npm is to run no scripts.
if ((statSync(main, { throwIfNoEntry: false })?.mtimeMs ?? 0) < beganMs) await build();

async function build() {
  await import("./build-native.mjs");
  rmSync(`${root}/dist`, { recursive: true, force: true });
  run("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: ["ignore", 2, "inherit"] });
  chmodSync(main, 0o755);
}
