import assert from "node:assert/strict";
import { isSluiceError } from "../../../src/core/errors.ts";
import { runBench } from "../../../src/lab/bench.ts";
import type { Progress } from "../../../src/lab/options.ts";
import { renderHtml } from "../../../src/report/html/document.ts";
import { renderTerminal } from "../../../src/report/terminal.ts";
import { suite } from "../../support/suite.ts";
import { smallCluster } from "../small-cluster.ts";

const test = suite("plan faults", { timeoutMs: 400_000 });
const common = { kind: "faults", snapshot: smallCluster, nodeName: "node-a", seed: 4, budgetMs: 400_000 } as const;

test("a block of it: every event has figures of every subject, and a stop keeps the block", async () => {
  const abort = new AbortController();
  const seen: Progress[] = [];
  const result = await runBench({
    ...common,
    subjects: ["userspace"],
    signal: abort.signal,
    onProgress(progress) {
      seen.push(progress);
      // Three subjects, four stories; one more trial is of the next block.
      if (progress.done === 13) abort.abort();
    },
  });
  assert.deepEqual([result.complete, result.endedBy, result.method.blocks.value], [false, "signal", 1]);
  const { events, cells } = result.faults!;
  assert.equal(cells.length, events.length * 2 * 3);
  for (const cell of cells) {
    assert.ok(cell.asked.value! > 0, `${cell.event} ${cell.subject} ${cell.connections}`);
    assert.equal(cell.errors.wrong.value, 0);
  }
  // Whoever goes to a dead endpoint in turn is refused until he learns of it: a quarter of 50 requests.
  const dead = cells.find(({ event, subject, connections }) => {
    return event === "dies" && subject === "direct" && connections === "fresh";
  })!;
  assert.ok(dead.errors.refused.value! > 0, JSON.stringify(dead.errors));
  const back = cells.find(({ event, subject, connections }) => {
    return event === "returns" && subject === "userspace" && connections === "fresh";
  })!;
  assert.ok(back.backAfter.value! > 0);
  assert.deepEqual([seen[0]!.total % 12, seen[0]!.cells.length], [0, 21]);
  assert.match(renderTerminal(result), /\nroll-out: every endpoint is replaced/);
  const page = renderHtml([result]);
  assert.match(page, /When endpoints fail/);
  assert.doesNotMatch(page, /<h2>Latency/);
});

test("a peer cannot be told of endpoints, and a budget has to hold five blocks", async () => {
  for (const [given, path] of [
    [{ subjects: ["haproxy"] }, "subjects"],
    [{ budgetMs: 20_000 }, "budgetMs"],
  ] as const) {
    await assert.rejects(
      runBench({ ...common, ...given }),
      (error) => isSluiceError(error, "CONFIG_INVALID") && error.details.path === path,
    );
  }
});
