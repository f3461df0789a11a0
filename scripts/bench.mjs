// `npm run bench -- NAME [options]`: installs, builds and runs bench/NAME.bench.ts. Without a name it lists the benches.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { install, root, run } from "./install.mjs";

const SUFFIX = ".bench.ts";
const [name, ...options] = process.argv.slice(2);
const names = readdirSync(`${root}/bench`, { recursive: true })
  .filter((file) => file.endsWith(SUFFIX))
  .map((file) => file.slice(0, -SUFFIX.length))
  .sort();

if (!names.includes(name)) {
  const report = name === undefined ? console.log : console.error;
  report(
    `${name === undefined ? "" : `no bench ${name}; `}npm run bench -- NAME, with a NAME of\n  ${names.join("\n  ")}`,
  );
  process.exit(name === undefined ? 0 : 2);
}
install();
run("node_modules/.bin/tsc", ["-p", "tsconfig.json"], { stdio: ["ignore", 2, "inherit"] });
const argv = ["--enable-source-maps", `out/bench/${name}.bench.js`, ...options];
process.exit(spawnSync(process.execPath, argv, { cwd: root, stdio: "inherit" }).status ?? 1);
