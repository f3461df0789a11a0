import assert from "node:assert/strict";
import { manualClock } from "../../../src/core/clock.ts";
import { createHostSettings, type HostSettings } from "../../../src/dataplane/kernel/host-settings.ts";
import { suite } from "../../support/suite.ts";

const test = suite("settings of a kernel's host");

/** A host with so many buckets in conntrack's hash table. @param refused what it says when they are to be others. */
function hostWith(buckets: number, refused = ""): { settings: HostSettings; ran: string[]; said: string[] } {
  const ran: string[] = [];
  const said: string[] = [];
  const settings = createHostSettings({
    commands: {
      netns: undefined,
      run(argv, input = "") {
        ran.push(`${argv.join(" ")} ${input}`.trim());
        const looks = argv[0] === "cat";
        return Promise.resolve({ exitCode: looks || refused === "" ? 0 : 1, stdout: `${buckets}\n`, stderr: refused });
      },
      ok: () => assert.fail("no setting is to be written"),
    },
    log: { info: (line) => said.push(line), warn: (line) => said.push(`warning: ${line}`) },
    listener: { synced() {}, reconciled() {} },
    iptables: undefined,
    fullSyncPeriodMs: 0,
    staleChainsMs: 30_000,
    dry: false,
    clock: manualClock(),
    waitMs: () => assert.fail("it waits"),
  });
  return { settings, ran, said };
}

const file = "/sys/module/nf_conntrack/parameters/hashsize";

test("conntrack gets the buckets that it lacks, once", async () => {
  const { settings, ran, said } = hostWith(16_384);
  await settings.set({ conntrackBuckets: 32_768 });
  await settings.set({ conntrackBuckets: 32_768 });
  assert.deepEqual(ran, [`cat ${file}`, `tee ${file} 32768`]);
  assert.deepEqual(said, [`${file} = 32768`]);
});

test("a table that is large enough is left alone, and so is one of which nothing is said", async () => {
  const { settings, ran } = hostWith(65_536);
  await settings.set({});
  await settings.set({ conntrackBuckets: 0 });
  assert.deepEqual(ran, []);
  await settings.set({ conntrackBuckets: 32_768 });
  assert.deepEqual(ran, [`cat ${file}`]);
});

test("buckets that cannot be had are told of, and the rules come into force", async () => {
  const { settings, said } = hostWith(16_384, "Operation not supported");
  await settings.set({ conntrackBuckets: 32_768 });
  assert.deepEqual(said, ["warning: conntrack does not get 32768 buckets: Operation not supported"]);
});
