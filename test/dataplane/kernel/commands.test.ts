import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSluiceError } from "../../../src/core/errors.ts";
import { createCommands } from "../../../src/dataplane/kernel/commands.ts";
import { suite } from "../../support/suite.ts";

const test = suite("kernel: commands");
const { run, ok } = createCommands(undefined, 10_000);

async function failedWith(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail("it succeeded"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isSluiceError(error, "DATAPLANE_FAILED"), String(error));
  return error.details.what;
}

test("a command that does not end in time is killed, and named", async () => {
  const hasty = createCommands(undefined, 50);
  assert.equal(await failedWith(hasty.run(["sleep", "30"])), "sleep 30 was killed: not done after 50 ms");
});

test("so is one whose own children live on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-commands-"));
  const file = join(folder, "pid");
  // Longer than a test may take.
  const lasting = ["sh", "-c", 'sleep 90 & echo $! > "$0"; wait', file] as const;
  try {
    assert.match(await failedWith(createCommands(undefined, 500).run(lasting)), /was killed/);
    process.kill(Number(readFileSync(file, "utf8")), "SIGKILL");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a command takes its input and gives its exit code", async () => {
  assert.equal(await ok(["cat"], "text"), "text");
  assert.equal((await run(["sh", "-c", "exit 3"])).exitCode, 3);
});

test("one that has to succeed is told with what it says", async () => {
  assert.equal(await failedWith(ok(["sh", "-c", "echo no >&2; exit 1"])), "sh -c echo no >&2; exit 1: no");
  assert.equal(await failedWith(ok(["false"])), "false: exit code 1");
});

test("one that the host does not have is missing, not failed", async () => {
  await assert.rejects(run(["sluice-has-no-such-command"]), (error) => isSluiceError(error, "HOST_UNABLE"));
});
