/** The core in C, compiled with sanitizers and run: memory, undefined behaviour, leaks, data races, descriptors. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec, execOk } from "../../src/host/exec.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";

const COMPILE_MS = 300_000;
const flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-O1", "-g"];

const missing = await whyNoCompiler();
const test = suite("native core", { timeoutMs: COMPILE_MS * 2 });
const folder = mkdtempSync(join(tmpdir(), "sluice-native-"));
test.after(() => rmSync(folder, { recursive: true }));

const sourcesIn = (name: string): string[] =>
  readdirSync(inProject("native", name))
    .filter((file) => file.endsWith(".c"))
    .map((file) => inProject("native", name, file));

/** @returns what the program printed. */
async function built(name: string, sanitizers: readonly string[], sources: readonly string[]): Promise<string> {
  const program = join(folder, name);
  const argv = ["cc", ...flags, ...sanitizers, "-pthread", "-o", program, ...sources] as const;
  await execOk(argv, { timeoutMs: COMPILE_MS });
  return execOk([program], { timeoutMs: COMPILE_MS });
}

async function whyNoCompiler(): Promise<string | undefined> {
  try {
    const { exitCode } = await exec(["cc", "--version"]);
    if (process.platform !== "linux") return "it runs on Linux only";
    return exitCode === 0 ? undefined : "cc does not work";
  } catch {
    return "there is no C compiler";
  }
}

if (missing !== undefined) test.skip("all of it", missing);
else {
  test("no error of memory, no undefined behaviour, no leak, no descriptor left open", async () => {
    const wrapped = [
      "malloc",
      "calloc",
      "realloc",
      "epoll_ctl",
      "connect",
      "recv",
      "send",
      "sendmmsg",
      "recvmmsg",
      "syscall",
    ].map((name) => `-Wl,--wrap=${name}`);
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", ...wrapped];
    const said = await built("core", sanitizers, [...sourcesIn("core"), ...sourcesIn("test")]);
    const lines = said.trim().split("\n");
    if (lines.at(-1) === "network namespace: not given") console.log(`  ${lines.at(-1)}`);
    else assert.equal(lines.at(-1), "network namespace: passed");
    assert.deepEqual(lines.slice(0, -1), [
      "wheel: passed",
      "proxy header: passed",
      "tcp: passed",
      "tcp limits: passed",
      "fairness: passed",
      "udp: passed",
      "udp joined: passed",
      "memory: passed",
      "ring: passed",
      "wait: passed",
    ]);
  });

  test("no data race between engines that share a socket and whoever reads their counters", async () => {
    const world = inProject("native", "test", "world.c");
    const said = await built(
      "threads",
      ["-fsanitize=thread"],
      [...sourcesIn("core"), world, ...sourcesIn("test-threads")],
    );
    assert.equal(said, "threads: passed\n");
  });

  test("the core is plain C: no header of Node or libuv", () => {
    for (const name of readdirSync(inProject("native", "core"))) {
      assert.doesNotMatch(readFileSync(inProject("native", "core", name), "utf8"), /#include <(node|uv|v8)/, name);
    }
  });
}
