/** One build of the addon serves every Node that is supported. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { execOk } from "../../src/host/exec.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import { whyMissing } from "../dataplane/workers/running.ts";
import { runs } from "../support/seed.ts";
import { suite } from "../support/suite.ts";
import { cachedNode, fetchNode, whyNoBinaries } from "./node-binary.ts";

const majors = ["20", "22", "24", "26"];
const program = fileURLToPath(threadFile(import.meta.url, "forward-once-program"));
/** Where nothing may be missing, and in the full run, the others are fetched. */
const fetches = process.env["CI"] !== undefined || runs(1, 0) === 1;
const wanted = fetches ? majors : majors.filter((major) => cachedNode(major) !== undefined);

const missing = whyMissing("native");
const complete = wanted.every((major) => cachedNode(major) !== undefined);
const unreachable = complete ? undefined : await whyNoBinaries();
const test = suite("native addon: versions of Node", { timeoutMs: 150_000 });

const forwards = async (node: string): Promise<string> => execOk([node, program]);

if (missing !== undefined) test.skip("it forwards a connection", missing);
else
  test("it forwards a connection in this Node", async () => {
    assert.equal(await forwards(process.execPath), `forwarded by ${process.version}\n`);
  });

for (const major of wanted) {
  const name = `it forwards a connection in Node ${major}`;
  const reason = missing ?? (cachedNode(major) === undefined ? unreachable : undefined);
  if (reason !== undefined) test.skip(name, reason);
  else
    test(name, async () => {
      assert.match(await forwards(await fetchNode(major)), new RegExp(`^forwarded by v${major}\\.`));
    });
}
