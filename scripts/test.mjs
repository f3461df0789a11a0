// `npm test [-- PATTERN…]`: installs, builds and runs the tests, each file in a process of its own.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, relative } from "node:path";
import { root, run } from "./install.mjs";
import { installSystemPackages } from "./system-packages.mjs";

/** A file that is not done by then hangs. */
const FILE_TIMEOUT_MS = 600_000;
/** Start first, so that none of them runs alone at the end. */
const LONGEST = /guest|supermarket|faults|contract/;
const full = process.argv.includes("--full");
const patterns = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const out = `${root}/out`;
const coverage = `${root}/coverage`;
const tallies = mkdtempSync(`${tmpdir()}/sluice-test-`);

installSystemPackages();
await import("./build.mjs");
rmSync(out, { recursive: true, force: true });
rmSync(coverage, { recursive: true, force: true });
run("node_modules/.bin/tsc", ["-p", "tsconfig.json"]);
mkdirSync(coverage);

const files = readdirSync(`${out}/test`, { recursive: true })
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort((one, other) => LONGEST.test(other) - LONGEST.test(one) || (one < other ? -1 : 1));
const queue = files.values();
const failed = [];
const sum = { passed: 0, failed: 0, skipped: 0 };
let started = 0;
await Promise.all(Array.from({ length: availableParallelism() + 1 }, runQueue));

run("node_modules/.bin/c8", [
  "report",
  "--temp-directory",
  coverage,
  "--include",
  "out/src/**",
  "--reporter",
  "text-summary",
]);
rmSync(tallies, { recursive: true, force: true });
for (const file of failed) console.error(`failed: ${file}`);
console.log(`\n${sum.passed} passed, ${Math.max(sum.failed, failed.length)} failed, ${sum.skipped} skipped`);
process.exit(failed.length === 0 && sum.passed > 0 ? 0 : 1);

async function runQueue() {
  for (const file of queue) {
    const startedMs = performance.now();
    const { code, output } = await runFile(`${out}/test/${file}`);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`\n${code === 0 ? "ok" : "FAILED"} ${file} (${seconds} s)\n${output.trimEnd()}`);
    if (code !== 0) failed.push(relative(root, file));
  }
}

function runFile(file) {
  return new Promise((resolve) => {
    const tally = `${tallies}/${basename(file)}-${(started += 1)}.jsonl`;
    const env = { ...process.env, NODE_V8_COVERAGE: coverage, SLUICE_TEST_TALLY: tally };
    if (full) env.SLUICE_FULL = "1";
    const child = spawn(process.execPath, ["--enable-source-maps", file], { cwd: root, env, timeout: FILE_TIMEOUT_MS });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => chunks.push(chunk));
    child.on("close", (code, signal) => {
      if (signal !== null) chunks.push(Buffer.from(`ended by ${signal} after at most ${FILE_TIMEOUT_MS} ms\n`));
      const counted = count(tally);
      if (!counted)
        chunks.push(Buffer.from("no tally: the file does not use the strict wrapper, or did not reach its end\n"));
      resolve({ code: counted ? (code ?? 1) : 1, output: Buffer.concat(chunks).toString() });
    });
  });
}

/** Adds what a file's tests came to. @returns false where it left nothing to add. */
function count(tally) {
  if (!existsSync(tally)) return false;
  for (const line of readFileSync(tally, "utf8").trim().split("\n")) {
    const file = JSON.parse(line);
    sum.passed += file.passed;
    sum.skipped += file.skipped;
    sum.failed += file.failed + file.unfinished;
  }
  return true;
}
