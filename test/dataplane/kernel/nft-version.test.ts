import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { createNftablesProgrammer } from "../../../src/dataplane/kernel/nftables.ts";
import { suite } from "../../support/suite.ts";

const test = suite("kernel, nftables: which nft");

/** Brings no table into force on a host whose nft says this of itself. @returns what it lacks; undefined: nothing. */
async function lacking(version: string): Promise<string | undefined> {
  const programmer = createNftablesProgrammer({
    commands: {
      netns: undefined,
      run: () => Promise.resolve({ exitCode: 0, stdout: "", stderr: "" }),
      ok: () => Promise.resolve(version),
    },
    log: { info() {}, warn: (line) => assert.fail(line) },
    listener: { synced() {}, reconciled() {} },
    iptables: undefined,
    fullSyncPeriodMs: 0,
    dry: false,
    clock: manualClock(),
    waitMs: () => assert.fail("it waits"),
  });
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
