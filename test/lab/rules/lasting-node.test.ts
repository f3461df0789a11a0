/** A namespace in which one recording is played after another, by a program that stays there. */
import assert from "node:assert/strict";
import { leavesNothing, openLastingNode } from "../../../src/lab/rules/lasting-node.ts";
import { playOnce } from "../../../src/lab/rules/play-once.ts";
import { playWatch } from "../../../src/lab/rules/play-watch.ts";
import { playRecording } from "../../../src/lab/rules/play.ts";
import { readRecording } from "../../../src/lab/rules/recording.ts";
import { agrees } from "../../../src/lab/rules/stage-result.ts";
import { obstacle } from "../../dataplane/kernel/in-kernel.ts";
import { inProject } from "../../support/root.ts";
import { suite } from "../../support/suite.ts";

const missing = await obstacle("nf_tables");
const test = suite("a namespace for one recording after another", { timeoutMs: 300_000 });
const recorded = (name: string) => readRecording(inProject("test", "golden", "kube-proxy", name));

/** Declares a test that programs a kernel. */
function check(name: string, body: () => Promise<void>): void {
  if (missing === undefined) test(name, body);
  else test.skip(name, missing);
}

check("each finds it as if it were new, whichever mode and way was before", async () => {
  const lasting = await openLastingNode([process.execPath, inProject("dist", "cli", "stage-program.js")]);
  try {
    // Rules, a counter, a setting and interfaces of the first would all be seen in the second.
    const [plain, liberal] = [recorded("001-clusterip-tcp-1ep"), recorded("156-conntrack-tcp-be-liberal")];
    const plays = [
      [liberal, "iptables", playWatch],
      [plain, "iptables", playOnce],
      [liberal, "nftables", playOnce],
      [plain, "nftables", playWatch],
    ] as const;
    for (const [recording, mode, way] of plays) {
      const node = await lasting.open(recording);
      const results = await playRecording({ recording, mode, node }, way);
      assert.ok(results.length > 0 && results.every(agrees), JSON.stringify(results, undefined, 2));
    }
    const node = await lasting.open(plain);
    assert.equal((await node.run(["nft", "list", "ruleset"])).stdout, "");
    const refused = await node.sluice(["run", "--once", "--dataplane", "kernel", "-f", "/no/such/file"]);
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /no such file/i);
    await node.close();
  } finally {
    await lasting.close();
  }
});

check("what a command of its own does there, or iptables' older back end, is played apart", async () => {
  assert.equal(leavesNothing(recorded("001-clusterip-tcp-1ep")), true);
  assert.equal(leavesNothing(recorded("195-restart-stale-chains")), true);
  assert.equal(leavesNothing(recorded("196-foreign-rules-kept")), false);
  assert.equal(leavesNothing(recorded("197-flushed-externally")), false);
  assert.equal(leavesNothing(recorded("202-legacy-nodeport-affinity")), false);
});
