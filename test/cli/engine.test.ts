import assert from "node:assert/strict";
import { chooseEngine } from "../../src/dataplane/workers/choose-engine.ts";
import { suite } from "../support/suite.ts";
import { sluice } from "./cli.ts";
import { killAll, type Listening, runSluice } from "./running-sluice.ts";

const test = suite("--engine", { timeoutMs: 60_000 });
test.after(killAll);

const { name: built } = chooseEngine(undefined);

test("the output names the engine that runs", async () => {
  const ways = [[], ["--engine", "node"], ...(built === "native" ? [["--engine", "native"]] : [])];
  for (const given of ways) {
    const running = runSluice(["--drain-seconds", "0", ...given]);
    const { engine } = await running.next<Listening & { readonly engine: string }>();
    assert.equal(engine, given[1] ?? built);
    assert.equal((await running.stop()).exitCode, 0);
  }
});

test("an engine that there is not, and one for a kernel, are refused", async () => {
  const unknown = await sluice(["run", "--engine", "rust"]);
  assert.equal(unknown.exitCode, 2);
  assert.match(unknown.stderr, /--engine: .*native, node/);
  const kernel = await sluice(["run", "--dataplane", "kernel", "--mode", "ipvs", "--engine", "node"]);
  assert.equal(kernel.exitCode, 2);
  assert.match(kernel.stderr, /--engine.*only with --dataplane workers/);
});
