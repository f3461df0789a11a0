import assert from "node:assert/strict";
import { createEndpointProcesses, type EndpointProcess } from "../../../src/lab/faults/endpoint-processes.ts";
import type { Asked } from "../../../src/measure/probe/probe.ts";
import { startProbe } from "../../../src/measure/probe/run-probe.ts";
import { formatIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("endpoint processes", { timeoutMs: 60_000 });
const processes = createEndpointProcesses();
test.after(() => processes.close());

async function ask({ addr }: EndpointProcess, timeoutMs = 20_000): Promise<Asked> {
  const targets = [{ host: formatIp(addr.ip), port: addr.port }];
  const loop = { kind: "closed", connecting: "fresh", lanes: 1, requests: 1, sources: [] } as const;
  const { fresh } = await startProbe({ targets, timeoutMs, loop }).ended;
  return fresh[0]!;
}

test("each has an address and a number of its own, and answers with it", async () => {
  const [a, b] = [await processes.start(), await processes.start()];
  assert.notEqual(a.addr.ip, b.addr.ip);
  assert.deepEqual([(await ask(a)).endpoint, (await ask(b)).endpoint], [a.number, b.number]);
});

test("one that is killed refuses, and returns at the same address", async () => {
  const one = await processes.start();
  await one.kill();
  assert.equal((await ask(one)).outcome, "refused");
  await one.restart();
  assert.equal((await ask(one)).endpoint, one.number);
});

test("one that is frozen says nothing, and goes on when it thaws", async () => {
  const one = await processes.start();
  one.freeze();
  assert.equal((await ask(one, 100)).outcome, "timedOut");
  one.thaw();
  assert.equal((await ask(one)).endpoint, one.number);
});

test("one that is to end answers what it has begun, and is gone", async () => {
  const slow = await processes.start(150);
  const asking = ask(slow);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await slow.terminate();
  const { outcome } = await asking;
  // On a busy host the question may have come too late.
  assert.ok(outcome === "answered" || outcome === "refused", outcome);
  assert.equal((await ask(slow)).outcome, "refused");
});

test("a slow one takes its time over each request", async () => {
  const slow = await processes.start(80);
  const { outcome, dueMs, endedMs } = await ask(slow);
  assert.equal(outcome, "answered");
  assert.ok(endedMs - dueMs >= 79, `${endedMs - dueMs} ms`);
});
