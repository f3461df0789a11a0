import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isSluiceError } from "../../../src/core/errors.ts";
import { createWorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import { openNamespace } from "../../support/namespace.ts";
import { suite } from "../../support/suite.ts";
import type { ClusterIpsReport } from "./cluster-ips-program.ts";

// A suite starts at the first await behind it.
const namespace = await openNamespace(`sluice-test-${process.pid}`);
const test = suite("workers: virtual addresses", { timeoutMs: 120_000 });

if (typeof namespace !== "string") {
  const { run } = namespace;
  test.after(() => namespace.close());

  test("virtual addresses are local and bound while they are served, and only then", async () => {
    // Left by a process of ours that was killed, somebody else's, and the node's own.
    await run("ip", "route", "add", "local", "10.96.0.10/32", "dev", "lo", "proto", "83");
    await run("ip", "address", "add", "10.96.0.20/32", "dev", "lo");
    await run("ip", "address", "add", "192.168.10.5/32", "dev", "lo");
    const program = fileURLToPath(threadFile(import.meta.url, "cluster-ips-program"));
    const report = JSON.parse(await run(process.execPath, program)) as ClusterIpsReport;
    assert.deepEqual(report.answers, {
      "10.96.0.10:80": "over a cluster IP",
      "192.168.10.5:30080": "over a node port",
      "10.96.0.30:53": "over udp",
      "[fd00:10:96::10]:80": "over IPv6",
      "10.96.0.60:80": "ECONNREFUSED",
    });
    // The load balancer's address is not this host's: it is neither made local nor bound.
    const all = [
      "10.96.0.10",
      "10.96.0.20",
      "10.96.0.21",
      "10.96.0.30",
      "10.96.0.60",
      "192.168.10.5",
      "fd00:10:96::10",
    ];
    assert.deepEqual(report.served, all);
    assert.deepEqual(report.fewer, all.slice(1));
    assert.match(report.failure, /default\/taken: .*EADDRINUSE/);
    assert.deepEqual(report.afterFailure, all.slice(1));
    assert.deepEqual(report.closed, ["10.96.0.20", "192.168.10.5"]);
    assert.deepEqual([...report.listeners].sort(), [
      "10.96.0.10:80",
      "10.96.0.20:80",
      "10.96.0.21:80",
      "10.96.0.30:53",
      "10.96.0.30:80",
      "192.168.10.5:30080",
      "192.168.10.5:30081",
      "[fd00:10:96::10]:80",
    ]);
  });
} else {
  test.skip("virtual addresses are local and bound while they are served, and only then", namespace);
}

test("virtual addresses take root", () => {
  const { getuid } = process;
  process.getuid = () => 1000;
  try {
    assert.throws(
      () => createWorkersDataplane({ bind: "cluster-ips" }),
      (error) => isSluiceError(error, "HOST_UNABLE") && error.details.missing === "root",
    );
  } finally {
    process.getuid = getuid!;
  }
});
