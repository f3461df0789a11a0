// `npm start`: installs, builds, and compares the modes on the cluster that ships with the project.
import { spawnSync } from "node:child_process";
import "./build.mjs";
import { root } from "./install.mjs";

const { status } = spawnSync(process.execPath, ["dist/cli/main.js", "bench", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
