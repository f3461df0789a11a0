import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { threadFile } from "../../../src/host/thread-file.ts";
import { openNamespace } from "../../support/namespace.ts";
import { suite } from "../../support/suite.ts";
import type { LocalAddressesReport } from "./local-addresses-program.ts";

// A suite starts at the first await behind it.
const namespace = await openNamespace(`sluice-local-${process.pid}`);
const test = suite("workers: local addresses", { timeoutMs: 60_000 });
const name = "addresses are made local and foreign again, and nobody else's are touched";

if (typeof namespace === "string") test.skip(name, namespace);
else {
  test.after(() => namespace.close());

  test(name, async () => {
    const { run } = namespace;
    // Left by one of us that was killed; wanted and not.
    for (const address of ["10.96.0.10", "10.96.0.77"])
      await run("ip", "route", "add", "local", `${address}/32`, "dev", "lo", "proto", "83");
    for (const address of ["fd00::10", "fd00::77"])
      await run("ip", "-6", "address", "add", `${address}/128`, "dev", "lo", "nodad", "noprefixroute", "metric", "83");
    // Somebody else's: two addresses and a range.
    await run("ip", "address", "add", "10.96.0.20/32", "dev", "lo");
    await run("ip", "-6", "address", "add", "fd00::20/128", "dev", "lo", "nodad");
    await run("ip", "route", "add", "local", "10.97.0.0/16", "dev", "lo");
    const others = ["10.96.0.20", "10.97.0.0/16", "fd00::20"];

    const program = fileURLToPath(threadFile(import.meta.url, "local-addresses-program"));
    const report = JSON.parse(await run(process.execPath, program)) as LocalAddressesReport;
    const local = (step: string): readonly string[] => [...report.local[step]!].sort();

    assert.deepEqual(report.foreign, [true, true, false, true, false, true]);
    assert.deepEqual(report.added, ["10.96.0.11", "fd00::11"]);
    const ours = ["10.96.0.10", "10.96.0.11", "10.96.0.77", "fd00::10", "fd00::11", "fd00::77"];
    assert.deepEqual(report.ours, ours);
    assert.deepEqual(local("added"), [...ours, ...others].sort());
    assert.deepEqual(report.again, []);

    assert.match(report.second, /another sluice serves cluster IPs in this network namespace/);
    assert.deepEqual(local("second"), local("added"));

    assert.deepEqual(report.afterRemove, ["10.96.0.77", "fd00::10", "fd00::77"]);
    const givenBack = ["10.96.0.11", ...others];
    assert.deepEqual(local("removed"), [...report.afterRemove, ...givenBack].sort());

    // Switching IPv6 off has removed its addresses, those of others too.
    assert.match(report.failedAdd, /ip -6 .*: /);
    assert.deepEqual(local("failed"), ["10.96.0.11", "10.96.0.20", "10.96.0.77", "10.97.0.0/16"]);
    assert.deepEqual(local("closed"), ["10.96.0.11", "10.96.0.20", "10.97.0.0/16"]);
    assert.equal(report.secondAfterClose, "it did not fail");
    assert.deepEqual(local("other"), ["10.96.0.11", "10.96.0.20", "10.96.0.99", "10.97.0.0/16"]);
    assert.deepEqual(local("end"), local("closed"));
  });
}
