import assert from "node:assert/strict";
import { SluiceError } from "../../../src/core/errors.ts";
import { silentLog } from "../../../src/core/log.ts";
import { runBalance } from "../../../src/lab/sharing/run-balance.ts";
import type { BenchResult } from "../../../src/measure/result.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const test = suite("runBalance");

/** Works that are measured, and then no dataplane for what follows them. @param signal aborts as it fails. */
function failing(abort?: AbortController): Promise<BenchResult> {
  const options = { snapshot: smallCluster, nodeName: "node-a", log: silentLog, subjects: ["iptables"] };
  const works = { complete: true, endedBy: "plan", method: {}, failures: [] } as unknown as BenchResult;
  const create = (): never => {
    abort?.abort();
    throw new SluiceError("HOST_UNABLE", "nothing starts", { missing: "it" });
  };
  const signal = abort === undefined ? {} : { signal: abort.signal };
  return runBalance({ ...options, ...signal }, create, () => Promise.resolve(works));
}

test("a stop while endpoints start keeps the works that were measured", async () => {
  const { complete, endedBy, sharing } = await failing(new AbortController());
  assert.deepEqual([complete, endedBy, sharing], [false, "signal", undefined]);
});

test("without a stop, endpoints that do not start are an error", async () => {
  await assert.rejects(failing(), /nothing starts/);
});
