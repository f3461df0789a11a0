/** Options of `sluice run --dataplane kernel` that do not go together, and what it prints of its configuration. */
import assert from "node:assert/strict";
import { put } from "../cluster/temporary-folder.ts";
import { sluice } from "./cli.ts";
import { suite } from "../support/suite.ts";

const test = suite("sluice run --dataplane kernel: options", { timeoutMs: 120_000 });

test("options of the other dataplane are mistakes, and so is a guessed Node", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--dataplane", "kernel", "--workers", "2"], /--workers: expected only with --dataplane workers/],
    [["--once"], /--once: expected only with --dataplane kernel/],
    [["--dataplane", "kernel", "--once", "--watch"], /--once: expected one of --once and --watch/],
    [["--dataplane", "kernel", "--once"], /--hostname-override: expected the Node that this host is/],
    [["--dataplane", "kernel", "--mode", "userspace"], /--mode: expected iptables, nftables or ipvs with --dataplane/],
  ];
  for (const [args, message] of wrong) {
    const { exitCode, stderr } = await sluice(["run", ...args]);
    assert.equal(exitCode, 2, args.join(" "));
    assert.match(stderr, message);
  }
});

test("local traffic by a Node's pod ranges needs a Node that has some", async () => {
  const config = put(
    "config.yaml",
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\ndetectLocalMode: NodeCIDR\n",
  );
  const cluster = put("cluster.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\n");
  const args = ["--dataplane", "kernel", "--dry-run", "--config", config, "-f", cluster];
  const { exitCode, stderr } = await sluice(["run", ...args, "--hostname-override", "node-a"]);
  assert.equal(exitCode, 2, stderr);
  assert.match(stderr, /spec\.podCIDRs of the Node node-a: expected a range, which detectLocalMode NodeCIDR goes by/);
});

test("the schema of the configuration is printed as JSON", async () => {
  const { exitCode, stdout } = await sluice(["run", "--print-config-schema"]);
  assert.equal(exitCode, 0);
  assert.equal((JSON.parse(stdout) as { title: string }).title, "KubeProxyConfiguration");
});
