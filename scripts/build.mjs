// Builds what the package ships: the C engine, and dist/.
import { chmodSync, rmSync } from "node:fs";
import { install, root, run } from "./install.mjs";

install();
await import("./build-native.mjs");
rmSync(`${root}/dist`, { recursive: true, force: true });
run("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: ["ignore", 2, "inherit"] });
chmodSync(`${root}/dist/cli/main.js`, 0o755);
