/** The addon, compiled with sanitizers, in a Node of its own: engines under load whose threads are terminated at random. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CommandResult, exec, execOk } from "../../src/host/exec.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import { inProject } from "../support/root.ts";
import { runs, seed } from "../support/seed.ts";
import { suite } from "../support/suite.ts";

const COMPILE_MS = 300_000;
const RUN_MS = 280_000;
/** Of three threads each; a round takes two to four seconds. A busy host makes as many as begin in this time. */
const ROUNDS = runs(12, 1);
const LONGEST_MS = 55_000;
const flags =
  "-std=c11 -D_GNU_SOURCE -DNAPI_VERSION=9 -O1 -g -fno-omit-frame-pointer -fPIC -shared -fvisibility=hidden";
const RING = join("core", "ring.c");
const RING_BY_CALLS = join("test-refusals", "ring-by-calls.c");
const folder = mkdtempSync(join(tmpdir(), "sluice-sanitized-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

interface Sanitizer {
  readonly flags: readonly string[];
  readonly library: string;
  readonly environment: readonly string[];
  /** A command that becomes the one that follows it. */
  readonly through: readonly string[];
  /** Whether the ring's calls are made by plain ones: then it sees every descriptor that the addon opens and closes. */
  readonly seesDescriptors: boolean;
}

// It knows no address space as random as this kernel's.
const threads = { library: "libtsan.so", environment: ["TSAN_OPTIONS=exitcode=0"], through: ["setarch", "-R"] };

const sanitizers: Readonly<Record<string, Sanitizer>> = {
  "memory, undefined behaviour and leaks": {
    flags: ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    library: "libasan.so",
    // Node's own handler of SIGSEGV stays; leaks are told, and judged here.
    environment: ["ASAN_OPTIONS=handle_segv=0:detect_odr_violation=0", "LSAN_OPTIONS=exitcode=0"],
    through: [],
    seesDescriptors: false,
  },
  // What the ring opens and closes it does not see: a number that comes back looks shared.
  "data races": { ...threads, flags: ["-fsanitize=thread"], seesDescriptors: false },
  "descriptors in several hands": {
    ...threads,
    flags: ["-fsanitize=thread", "-DTOGETHER_FROM=1"],
    seesDescriptors: true,
  },
};
const prefix = [dirname(dirname(process.execPath)), "/usr"].find((one) =>
  ["node_api.h", "uv.h"].every((name) => existsSync(join(one, "include", "node", name))),
);
const missing = await whyNot();
const test = suite("native addon under sanitizers", { timeoutMs: COMPILE_MS + RUN_MS, sampled: 1 });

for (const [what, sanitizer] of Object.entries(sanitizers)) {
  const name = `no finding about ${what}, while threads under load are terminated`;
  if (missing !== undefined) test.skip(name, missing);
  else
    test(name, async () => {
      const { exitCode, stdout, stderr } = await runUnder(what, sanitizer, ROUNDS);
      assert.equal(exitCode, 0, stderr);
      console.log(`${what}: ${stdout.trim()}`);
      assert.match(stdout, /^[1-9]\d* rounds\n$/);
      assert.deepEqual(ourFindings(stderr, sanitizer), []);
    });
}

const twice = "a descriptor that is closed twice, together with others, is found";
if (missing !== undefined) test.skip(twice, missing);
else
  test(twice, async () => {
    // Findings name a file: this one stands for the addon.
    const program = join(folder, "sluice.node");
    const sources = ["core/sockets.c", "core/addr.c", RING_BY_CALLS, "test-refusals/close-twice.c"];
    const paths = sources.map((path) => inProject("native", path));
    const compile = ["cc", "-std=c11", "-D_GNU_SOURCE", "-g", "-fsanitize=thread", "-pthread", "-o", program] as const;
    await execOk([...compile, ...paths], { timeoutMs: COMPILE_MS });
    const { stderr } = await exec(["env", ...threads.environment, ...threads.through, program]);
    const findings = ourFindings(stderr, { seesDescriptors: true });
    assert.equal(findings.length, 1, stderr);
    assert.match(findings[0]!, /#0 close .*\n(.*ring-by-calls\.c.*\n)+.* close_one .*\n.* main .*close-twice\.c/);
  });

/** What becomes of engines under load. */
async function runUnder(name: string, sanitizer: Sanitizer, rounds: number): Promise<CommandResult> {
  const home = await build(name, sanitizer);
  const library = (await execOk(["cc", `-print-file-name=${sanitizer.library}`])).trim();
  const program = fileURLToPath(threadFile(import.meta.url, "load-program"));
  const words = [process.execPath, program, home, `${seed}`, `${rounds}`, `${LONGEST_MS}`];
  const under = ["env", `LD_PRELOAD=${library}`, ...sanitizer.environment, ...sanitizer.through] as const;
  return exec([...under, ...words], { timeoutMs: RUN_MS });
}

/** Findings in which the addon has a part: Node is not compiled with a sanitizer, and has some of its own. */
function ourFindings(stderr: string, { seesDescriptors }: Pick<Sanitizer, "seesDescriptors">): string[] {
  const findings = stderr.split(/\n(?=Direct leak|Indirect leak|WARNING: ThreadSanitizer|=+\n)/);
  const about = findings.filter((one) => !isMistaken(one, seesDescriptors));
  return about.filter((one) => /sluice\.node|<unknown module>|napi_|\bsl_/.test(one));
}

/**
 * libuv closes by bare system calls, which are not seen: a number that it had, and that is given out again, looks shared.
 * So a finding about a descriptor stands only where the addon had opened it.
 */
function isMistaken(finding: string, seesDescriptors: boolean): boolean {
  const [, opened] = /Location is file descriptor [^\n]*\n((?:[ ]+#[^\n]*\n)*)/.exec(finding) ?? [];
  return opened !== undefined && !(seesDescriptors && opened.includes("sluice.node"));
}

/** @returns the folder that has the addon where a package has it. */
async function build(name: string, { flags: instrument, seesDescriptors }: Sanitizer): Promise<string> {
  const home = join(folder, name);
  const target = join(home, "build", "Release", "sluice.node");
  mkdirSync(dirname(target), { recursive: true });
  const files = ["core", "binding"].flatMap((part) =>
    readdirSync(inProject("native", part))
      .filter((file) => file.endsWith(".c"))
      .map((file) => join(part, file)),
  );
  const sources = files.map((file) => inProject("native", seesDescriptors && file === RING ? RING_BY_CALLS : file));
  const headers = ["-isystem", join(prefix!, "include", "node")];
  await execOk(["cc", ...flags.split(" "), ...instrument, ...headers, "-o", target, ...sources], {
    timeoutMs: COMPILE_MS,
  });
  return home;
}

async function whyNot(): Promise<string | undefined> {
  if (process.platform !== "linux") return "it runs on Linux only";
  if (prefix === undefined) return "no headers of Node";
  try {
    return (await exec(["cc", "--version"])).exitCode === 0 ? undefined : "cc does not work";
  } catch {
    return "there is no C compiler";
  }
}
