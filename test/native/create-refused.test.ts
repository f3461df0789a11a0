/** An engine that the host refuses something to: an error that says what, and nothing left behind. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exec, execOk } from "../../src/host/exec.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import { whyMissing } from "../dataplane/workers/running.ts";
import { inProject } from "../support/root.ts";
import { suite } from "../support/suite.ts";
import type { Refused } from "./create-refused-program.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-refused-"));
const library = join(folder, "refuse.so");
/** What the addon allocates for an engine, but for its ring. */
const ALLOCATIONS = 8;

const missing = whyMissing("native") ?? (await whyNoLibrary());
const test = suite("native engine that cannot be created", { timeoutMs: 60_000 });
test.after(() => rmSync(folder, { recursive: true }));

/** Each with no more descriptors than that. */
async function refused(...wishes: readonly string[]): Promise<Readonly<Record<string, Refused>>> {
  const program = fileURLToPath(threadFile(import.meta.url, "create-refused-program"));
  const limited = ["prlimit", "--nofile=256:256", "env", `LD_PRELOAD=${library}`] as const;
  return JSON.parse(await execOk([...limited, process.execPath, program, ...wishes])) as Record<string, Refused>;
}

async function whyNoLibrary(): Promise<string | undefined> {
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-fPIC", "-shared"];
  const source = inProject("native", "test-refusals", "refuse.c");
  const built = await exec(["cc", ...flags, "-o", library, source, "-ldl"]).catch((error: Error) => ({
    exitCode: 1,
    stderr: error.message,
  }));
  return built.exitCode === 0 ? undefined : built.stderr;
}

const created = { message: "", left: 0 };
const failed = (why: string): Refused => ({ message: `workers: the C engine was not created: ${why}`, left: 0 });

const behaviours: Readonly<Record<string, () => Promise<void>>> = {
  async "without one of its allocations there is none; without that of the ring there is one"() {
    const wishes = Array.from({ length: ALLOCATIONS + 1 }, (_, at) => `allocation ${at + 1}`);
    const report = await refused(...wishes);
    for (const [at, wish] of wishes.entries()) {
      const expected =
        at < ALLOCATIONS ? failed(`${at === 0 ? "out of" : "Cannot allocate"} memory (ENOMEM)`) : created;
      assert.deepEqual(report[wish], expected, wish);
    }
  },

  async "descriptors that are used up are named, also where the ring is refused for another reason"() {
    const none = failed("Too many open files (EMFILE)");
    const both = "epoll_create1 24,io_uring_setup 1";
    assert.deepEqual(await refused("descriptors", both, "epoll_create1 23"), {
      descriptors: none,
      [both]: none,
      "epoll_create1 23": failed("Too many open files in system (ENFILE)"),
    });
  },

  async "where the ring is not permitted, or takes the last descriptor, there is an engine without"() {
    assert.deepEqual(await refused("io_uring_setup 1", "io_uring_setup 38", "descriptors 1"), {
      "io_uring_setup 1": created,
      "io_uring_setup 38": created,
      "descriptors 1": created,
    });
    const forwards = fileURLToPath(threadFile(import.meta.url, "forward-once-program"));
    const refusing = ["env", `LD_PRELOAD=${library}`, "SLUICE_REFUSE=io_uring_setup 1"] as const;
    assert.equal(await execOk([...refusing, process.execPath, forwards]), `forwarded by ${process.version}\n`);
  },

  async "a loop that cannot watch it, and memory that is too small, are told"() {
    assert.deepEqual(await refused("epoll_ctl 12", "memory"), {
      "epoll_ctl 12": failed("the thread's loop takes no engine (ERR_NOT_OPEN)"),
      memory: failed("argument 0 is not a typed array of the right type and length (ERR_INVALID_ARG_TYPE)"),
    });
  },
};

for (const [name, behaviour] of Object.entries(behaviours)) {
  if (missing !== undefined) test.skip(name, missing);
  else test(name, behaviour);
}
