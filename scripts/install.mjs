// What has to be there before anything of ours can run: the packages of package-lock.json.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a command in the project's folder with its output shown; ends this process when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Installs when nothing is installed yet, or when the lock file is newer than what is. */
export function install() {
  const installed = `${root}/node_modules/.package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${root}/package-lock.json`).mtimeMs) return;
  run("npm", ["ci", "--no-audit", "--no-fund"], { stdio: ["ignore", 2, "inherit"], env: ownEnvironment() });
}

/** Without the settings of an npm that called us: of `npm install --global .` the packages would go to its folder. */
function ownEnvironment() {
  const inherited = /^npm_config_(global|location|prefix|local_prefix|global_prefix)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited.test(name)));
}
