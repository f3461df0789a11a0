/** What real kube-proxies did, played by `sluice run --dataplane kernel` in namespaces of its own. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { exec } from "../../../src/host/exec.ts";
import { findRecordings } from "../../../src/lab/rules/recording.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { sluice } from "../../cli/cli.ts";
import { openNamespace } from "../../support/namespace.ts";
import { inProject } from "../../support/root.ts";
import { runs, seed } from "../../support/seed.ts";
import { suite } from "../../support/suite.ts";

const missing = await whyNot();
const test = suite("rules of a real kube-proxy, by sluice run", { timeoutMs: 580_000 });

/**
 * Recorded of a process that ran on, which had not noticed a new ServiceCIDR yet; a fresh one has. And a name so long
 * that nft refuses its comment, which is the next test's.
 */
const leftOut = new Set(["163-seq-service-cidr", "159-long-names-no-endpoints", "161-large-1000-services"]);
const golden = inProject("test", "golden", "kube-proxy");
const recordings = findRecordings(golden).filter((folder) => !leftOut.has(basename(folder)));
const random = seededRandom(seed);
const chosen = Array.from({ length: runs(12, 3) }, () => recordings[random.below(recordings.length)]!);

const title = `stage by stage, once and watching: ${chosen.map((folder) => basename(folder)).join(", ")}`;
if (missing === undefined) {
  test(title, async () => {
    const argv = [process.execPath, inProject("dist", "cli", "main.js"), "conformance", ...new Set(chosen)] as const;
    const { exitCode, stdout, stderr } = await exec(argv, { timeoutMs: 560_000 });
    assert.equal(
      exitCode,
      0,
      stdout
        .split("\n")
        .filter((line) => !line.startsWith("agrees"))
        .join("\n") + stderr,
    );
    assert.match(stdout, /^(\d+) of \1 stages agree, [1-9]\d* dumps compared$/m);
  });
} else test.skip(title, missing);

test("options of the other dataplane are mistakes, and so is a guessed Node", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--dataplane", "kernel", "--workers", "2"], /--workers: expected only with --dataplane workers/],
    [["--once"], /--once: expected only with --dataplane kernel/],
    [["--dataplane", "kernel", "--once", "--watch"], /--once: expected one of --once and --watch/],
    [["--dataplane", "kernel", "--once"], /--hostname-override: expected the Node that this host is/],
    [["--mode", "nftables"], /--mode: expected userspace, iptables or ipvs with --dataplane workers/],
  ];
  for (const [args, message] of wrong) {
    const { exitCode, stderr } = await sluice(["run", ...args]);
    assert.equal(exitCode, 2, args.join(" "));
    assert.match(stderr, message);
  }
});

test("the schema of the configuration is printed as JSON", async () => {
  const { exitCode, stdout } = await sluice(["run", "--print-config-schema"]);
  assert.equal(exitCode, 0);
  assert.equal((JSON.parse(stdout) as { title: string }).title, "KubeProxyConfiguration");
});

async function whyNot(): Promise<string | undefined> {
  const namespace = await openNamespace(`sluice-probe-${process.pid}`);
  if (typeof namespace === "string") return namespace;
  await namespace.close();
  return undefined;
}
