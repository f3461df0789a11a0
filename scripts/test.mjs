// `npm test [-- PATTERN…] [-- --coverage]`: installs, builds and runs the tests, each file in a process of its own.
// `npm run test:full` leaves nothing to a sample; with `--sampled` it runs only what the last `npm test` sampled, and with
// `--minutes=N` it begins no file after so long, and names those that it did not come to.
// A file that fails runs once more, by itself and by the same seed, since a busy machine can be why: what it then passes
// is named in the end, and what fails twice is red.
// To cover costs every process that a test starts two fifths more time, so it is done when asked for.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { root, run } from "./install.mjs";
import { endLeftProcesses } from "./left-processes.mjs";
import { installSystemPackages } from "./system-packages.mjs";

const words = process.argv.slice(2);
const full = words.includes("--full");
const covered = words.includes("--coverage");
const minutes = minutesOf(words.find((word) => word.startsWith("--minutes=")));
const patterns = words.filter((word) => !word.startsWith("--"));
/** A file that is not done by then hangs. */
const FILE_TIMEOUT_MS = full ? 1_800_000 : 600_000;
/** When more fail it is not the machine. */
const AGAIN_AT_MOST = 6;
/** Started first and in this order, so that none of them runs alone at the end. */
const longest = (
  "kernel/guests package/packed lab/scale random-picks run-faults native/builds html bench-stop workers/contract " +
  "kernel/traffic endurance engines/faults supermarket native/core sanitized kernel/recorded lab/rules benches snapshot " +
  "lab/bench balancers/contract workers/recorded nftables/kernel forwarding placement many-connections killed"
).split(" ");
const out = `${root}/out`;
const sampledList = `${out}/sampled.txt`;
const coverage = `${root}/coverage`;
const temporary = mkdtempSync(`${tmpdir()}/sluice-test-`);
const onlyThese = words.includes("--sampled") ? lastSampled() : undefined;

installSystemPackages();
await import("./build.mjs");
rmSync(out, { recursive: true, force: true });
rmSync(coverage, { recursive: true, force: true });
run("node_modules/.bin/tsc", ["-p", "tsconfig.json"]);
if (covered) mkdirSync(coverage);

const files = readdirSync(`${out}/test`, { recursive: true })
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .filter((file) => onlyThese === undefined || onlyThese.includes(file))
  .sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
const queue = files.entries();
/** What marks the processes of each file that runs. */
const running = new Set();
let stopped = false;
/** Files with what SLUICE_SEED has to be to repeat them. */
const failedOnce = new Map();
const failed = [];
const notBegun = [];
const sampled = [];
const sum = { passed: 0, failed: 0, skipped: 0 };
await Promise.all(Array.from({ length: availableParallelism() + 2 }, runQueue));
for (const [file, seed] of failedOnce) await runAgain(file, seed);

if (covered) reportCoverage();
if (!full) writeFileSync(sampledList, sampled.map((file) => `${file}\n`).join(""));
rmSync(temporary, { recursive: true, force: true });
for (const file of notBegun) console.error(`not begun within ${minutes} minutes: ${file}`);
for (const file of failedOnce.keys()) if (!failed.includes(file)) console.error(`passed only when alone: ${file}`);
for (const file of failed) console.error(`failed: ${file}`);
console.log(`\n${sum.passed} passed, ${Math.max(sum.failed, failed.length)} failed, ${sum.skipped} skipped`);
process.exit(failed.length === 0 && sum.passed > 0 ? 0 : 1);

async function stop() {
  stopped = true;
  await Promise.all([...running].map(endLeftProcesses));
  rmSync(temporary, { recursive: true, force: true });
  process.exit(1);
}

function minutesOf(word = "--minutes=Infinity") {
  const number = Number(word.slice("--minutes=".length));
  if (number > 0) return number;
  console.error(`${word}: a number of minutes is expected`);
  return process.exit(2);
}

function lastSampled() {
  if (existsSync(sampledList)) return readFileSync(sampledList, "utf8").trim().split("\n");
  console.error("--sampled needs to know what was sampled: run npm test before");
  return process.exit(2);
}

function rank(file) {
  const first = longest.findIndex((part) => file.includes(part));
  return first === -1 ? longest.length : first;
}

function reportCoverage() {
  const about = ["--temp-directory", coverage, "--include", "out/src/**", "--reporter", "text-summary"];
  run("node_modules/.bin/c8", ["report", ...about]);
}

async function runQueue() {
  for (const [number, file] of queue) {
    if (stopped) return;
    if (performance.now() > minutes * 60_000) {
      notBegun.push(file);
      continue;
    }
    const { green, output, tallies } = await runFile(file, `${temporary}/${number}`);
    if (green) addTallies(file, tallies);
    else failedOnce.set(file, /SLUICE_SEED=(\d+)/.exec(output)?.[1]);
  }
}

async function runAgain(file, seed) {
  if (stopped) return;
  if (failedOnce.size > AGAIN_AT_MOST) return void failed.push(file);
  console.log(`\nonce more, by itself${seed === undefined ? "" : ` and by seed ${seed}`}: ${file}`);
  const { green, tallies } = await runFile(file, `${temporary}/alone-${file.replaceAll("/", "-")}`, seed);
  addTallies(file, tallies);
  if (!green) failed.push(file);
}

/** @param folder to be made; its temporary files go there, and it may leave none. */
async function runFile(file, folder, seed) {
  const startedMs = performance.now();
  const tally = `${folder}.jsonl`;
  mkdirSync(folder);
  const env = { ...process.env, SLUICE_TEST_TALLY: tally, TMPDIR: folder };
  if (covered) env.NODE_V8_COVERAGE = coverage;
  if (full) env.SLUICE_FULL = "1";
  if (seed !== undefined) env.SLUICE_SEED = seed;
  const ran = await runNode(["--enable-source-maps", `${out}/test/${file}`], env);
  const complaints = ran.left.map((line) => `left running: ${line}`);
  for (const name of readdirSync(folder)) complaints.push(`left in the folder for temporary files: ${name}`);
  rmSync(folder, { recursive: true });
  const tallies = talliesIn(tally);
  if (tallies.length === 0) complaints.push("no tally: it does not use the strict wrapper, or did not reach its end");
  const green = ran.code === 0 && complaints.length === 0;
  const output = [ran.output, ...complaints].join("\n").trimEnd();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`\n${green ? "ok" : "FAILED"} ${file} (${seconds} s)\n${output}`);
  return { green, output, tallies };
}

function runNode(args, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, timeout: FILE_TIMEOUT_MS });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => chunks.push(chunk));
    // What it left would keep its output open.
    const mark = `SLUICE_TEST_TALLY=${env.SLUICE_TEST_TALLY}`;
    running.add(mark);
    const ended = once(child, "exit").then(() => endLeftProcesses(mark));
    child.on("close", async (code, signal) => {
      running.delete(mark);
      if (signal !== null) chunks.push(Buffer.from(`ended by ${signal} after at most ${FILE_TIMEOUT_MS} ms\n`));
      resolve({ code, output: Buffer.concat(chunks).toString(), left: await ended });
    });
  });
}

/** What a file's suites came to. */
function talliesIn(tally) {
  if (!existsSync(tally)) return [];
  const lines = readFileSync(tally, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

function addTallies(file, tallies) {
  for (const tally of tallies) {
    sum.passed += tally.passed;
    sum.skipped += tally.skipped;
    sum.failed += tally.failed + tally.unfinished;
    if (tally.sampled && !sampled.includes(file)) sampled.push(file);
  }
}
