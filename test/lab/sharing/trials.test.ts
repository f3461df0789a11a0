import assert from "node:assert/strict";
import { resolveBenchOptions } from "../../../src/lab/options.ts";
import { openTheatre } from "../../../src/lab/faults/open-theatre.ts";
import { playChange, playSlow } from "../../../src/lab/sharing/trials.ts";
import { createWorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import { changeCells, movedShare, slowCells } from "../../../src/measure/sharing/summarize-sharing.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const test = suite("trials of sharing out", { timeoutMs: 120_000 });
const common = { snapshot: smallCluster, nodeName: "node-a" };

test("least connections spare a slow endpoint, turns do not; a hash of addresses leads clients back", async () => {
  const options = { ...common, subjects: ["ipvs-rr", "ipvs-lc", "ipvs-sh"] };
  const resolved = resolveBenchOptions({ ...options, workers: 1, seed: 7 });
  const theatre = await openTheatre(
    options,
    resolved,
    () => createWorkersDataplane({ workers: 1, seed: 7 }),
    [25, 2, 2, 2, 2],
  );
  try {
    const { prober, subjects } = theatre;
    const endpoints = theatre.endpoints.slice(0, -1);
    const stage = { prober, endpoints, guest: theatre.endpoints.at(-1)! };
    const [, , rr, lc, sh] = subjects;
    const slow = [await playSlow(rr!, stage), await playSlow(lc!, stage)];
    const numbers = endpoints.map(({ number }) => number);
    const [inTurn, spared] = slowCells(slow, ["ipvs-rr", "ipvs-lc"], numbers);
    assert.equal(inTurn!.slowShare.value, 0.25);
    assert.ok(spared!.slowShare.value! < 0.22, `${spared!.slowShare.value}`);
    const byAddress = await playChange(sh!, stage, 0);
    // A table that is dealt anew among five moves four clients of five; one that is dealt among four again moves all back.
    const { moved } = changeCells([byAddress], ["ipvs-sh"], 4)[0]!;
    assert.ok(moved.value! > 0.6 && moved.value! < 0.95, `${moved.value}`);
    assert.equal(movedShare(byAddress.before, byAddress.after), 0);
  } finally {
    await theatre.close();
  }
});
