/** Subjects of this host's kernel, in a network of namespaces: needs root. */
import assert from "node:assert/strict";
import { silentLog } from "../../src/core/log.ts";
import { exec } from "../../src/host/exec.ts";
import { hasIptables } from "../../src/host/iptables.ts";
import { runBench } from "../../src/lab/bench.ts";
import { peerVersion } from "../../src/lab/peers/peer-dataplane.ts";
import { peerNames } from "../../src/lab/peers/peer.ts";
import type { BenchOptions } from "../../src/lab/options.ts";
import type { BenchResult } from "../../src/measure/result.ts";
import { obstacleTo } from "../support/obstacle.ts";
import { suite } from "../support/suite.ts";
import { smallCluster } from "./small-cluster.ts";

const lacking = await obstacleTo("ip netns list && iptables-nft-save -t nat && iptables-legacy-save -t nat && nft -v");
const noIpvs = await obstacleTo("ipvsadm -L -n");
const test = suite("bench network", { timeoutMs: 180_000, sampled: 1 });

const inKernel = (name: string, body: () => Promise<void>): void => {
  if (lacking === undefined) test(name, body);
  else test.skip(name, lacking);
};

/** Ends after the first blocks: what is looked at is there by then. */
function measure(options: Partial<BenchOptions>, slices = 32): Promise<BenchResult> {
  const enough = new AbortController();
  return runBench({
    snapshot: smallCluster,
    nodeName: "node-a",
    log: silentLog,
    seed: 4,
    workers: 1,
    signal: enough.signal,
    onProgress: ({ done }) => {
      if (done >= slices) enough.abort();
    },
    ...options,
  });
}

const ourNamespaces = async (): Promise<string[]> => {
  const { stdout } = await exec(["ip", "netns", "list"]);
  return stdout.split("\n").filter((line) => line.startsWith(`sluice-${process.pid}-`));
};

inKernel(
  "every back end of the kernel, and worker threads beside them, answer all requests and spread them",
  async () => {
    const subjects = ["iptables@kernel-nft", "iptables@kernel-legacy", "nftables@kernel", "ipvs-rr@kernel", "ipvs-rr"];
    const works = ["tcp-connect", "udp-first-datagram"];
    const { cells, failures, unmeasured, subjects: told, notes } = await measure({ subjects, works, budgetMs: 40_000 });
    assert.deepEqual(failures, []);
    const measured = subjects.filter((name) => noIpvs === undefined || name !== "ipvs-rr@kernel");
    assert.deepEqual(
      told.map(({ subject }) => subject),
      ["direct", "direct-again", ...measured],
    );
    for (const { subject, work, distribution, rate } of cells) {
      assert.ok(rate.value! > 0, `${subject} did nothing in ${work}`);
      // Of some dozens of flows and five endpoints, or two, none goes empty.
      const idle = distribution.counts.values.filter((count) => count === 0).length;
      assert.equal(idle, 0, `${subject} in ${work}`);
    }
    assert.match(told.find(({ subject }) => subject === "iptables@kernel-legacy")!.what, /iptables v\S+ \(legacy\)/);
    if (noIpvs !== undefined) {
      assert.deepEqual(
        unmeasured.map(({ subject }) => subject),
        ["ipvs-rr@kernel"],
      );
      assert.match(unmeasured[0]!.reason, /IPVS \(ip_vs\)/);
    }
    assert.ok(notes.some((note) => note.includes("network namespaces")));
    assert.deepEqual(await ourNamespaces(), []);
  },
);

inKernel("each UDP flow is new, also to who remembers flows for minutes", async () => {
  const subjects = ["ipvs-rr", "nftables@kernel"];
  const { cells, failures } = await measure({ subjects, works: ["udp-first-datagram"], budgetMs: 20_000 });
  assert.deepEqual(failures, []);
  const { distribution } = cells.find(({ subject }) => subject === "ipvs-rr")!;
  // Of a thousand ports alone some would have come twice.
  assert.equal(distribution.check.outcome, "kept");
});

inKernel("peers are measured beside a kernel, and what cannot be in one is named", async () => {
  const versions = await Promise.all(peerNames.map(async (name) => [name, await peerVersion(name)] as const));
  const installed = versions.filter(([, version]) => version !== undefined).map(([name]) => name);
  const subjects = ["userspace@kernel", "nftables@kernel", ...peerNames];
  const {
    cells,
    failures,
    unmeasured,
    subjects: told,
  } = await measure({
    subjects,
    works: ["tcp-connect-request-close"],
    budgetMs: 30_000,
  });
  assert.deepEqual(failures, []);
  const reasons = Object.fromEntries(unmeasured.map(({ subject, reason }) => [subject, reason]));
  assert.match(reasons["userspace@kernel"]!, /measure it on workers/);
  assert.equal(unmeasured.length, 1 + peerNames.length - installed.length);
  assert.deepEqual(
    told.map(({ subject }) => subject),
    ["direct", "direct-again", "nftables@kernel", ...installed],
  );
  for (const { subject, rate } of cells) assert.ok(rate.value! > 0, `${subject} did nothing`);
  assert.match(told.find(({ subject }) => subject === installed[0])!.targets.tcp[0]!, /^198\.18\.\d+\.1:20000$/);
  assert.deepEqual(await ourNamespaces(), []);
});

inKernel("a run that fails leaves no namespace behind", async () => {
  const failing = runBench(
    { snapshot: smallCluster, nodeName: "node-a", subjects: ["nftables@kernel"], works: ["tcp-connect"] },
    () => {
      throw new Error("no dataplane today");
    },
  );
  await assert.rejects(failing, /no dataplane today/);
  assert.deepEqual(await ourNamespaces(), []);
});

if (process.getuid?.() !== 0 && (await hasIptables())) {
  test("without root subjects of a kernel are named, and the others run on loopback", async () => {
    const subjects = ["nftables@kernel", "ipvs-rr"];
    const { unmeasured, subjects: told } = await measure({ subjects, works: ["tcp-connect"], budgetMs: 15_000 }, 8);
    assert.deepEqual([unmeasured.length, unmeasured[0]!.subject, told.length], [1, "nftables@kernel", 3]);
  });
}
