import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { createNftablesProgrammer } from "../../../src/dataplane/kernel/nftables.ts";
import type { KernelHost } from "../../../src/dataplane/kernel/programmer.ts";
import { suite } from "../../support/suite.ts";

const test = suite("kernel, nftables: which nft, which kernel");

/** Brings no table into force on a host whose nft says this of itself. @returns what it lacks; undefined: nothing. */
async function lacking(version: string, kernel?: string): Promise<string | undefined> {
  const host: KernelHost = {
    commands: {
      netns: undefined,
      run: () => Promise.resolve({ exitCode: 0, stdout: "", stderr: "" }),
      ok: () => Promise.resolve(version),
    },
    log: { info() {}, warn: (line) => assert.fail(line) },
    listener: { synced() {}, reconciled() {} },
    iptables: undefined,
    fullSyncPeriodMs: 0,
    staleChainsMs: 30_000,
    dry: false,
    clock: manualClock(),
    waitMs: () => assert.fail("it waits"),
  };
  const programmer = createNftablesProgrammer(host, kernel);
  try {
    await programmer.apply({ mode: "nftables", ruleset: { tables: [] } }, { nodeAddresses: [], frontends: [] });
    return undefined;
  } catch (error) {
    assert.ok(isSluiceError(error, "HOST_UNABLE"), String(error));
    return error.details.missing;
  }
}

test("one older than kube-proxy takes is refused by its version", async () => {
  for (const version of ["0.9.8", "0.99", "1.0.0", "1.0"]) {
    assert.equal(
      await lacking(`nftables v${version} (E.D.S.)\n`),
      `nft of 1.0.1 or newer: this is nftables v${version} (E.D.S.)`,
    );
  }
});

test("newer ones are taken, and so is one that does not say", async () => {
  for (const version of ["v1.0.1", "v1.0.6", "v1.1", "v2.0.0", "vunknown"]) {
    assert.equal(await lacking(`nftables ${version} (E.D.S.)\n`), undefined, version);
  }
});

test("a kernel older than kube-proxy takes is refused by its release", async () => {
  for (const kernel of ["5.12.19", "5.4.0-150-generic", "4.19.0-27-amd64"]) {
    assert.match(
      (await lacking("nftables v1.0.6", kernel)) ?? "",
      new RegExp(`^Linux of 5\\.13 or newer.* ${kernel} `),
    );
  }
  for (const kernel of ["5.13.0", "5.15.0-91-generic", "6.1.0", "10.0"]) {
    assert.equal(await lacking("nftables v1.0.6", kernel), undefined, kernel);
  }
});

test("as kube-proxy, it takes an older kernel when told so", async () => {
  process.env["KUBE_PROXY_NFTABLES_SKIP_KERNEL_VERSION_CHECK"] = "1";
  try {
    assert.equal(await lacking("nftables v1.0.6", "5.4.0"), undefined);
  } finally {
    delete process.env["KUBE_PROXY_NFTABLES_SKIP_KERNEL_VERSION_CHECK"];
  }
});
