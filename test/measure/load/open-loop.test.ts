import assert from "node:assert/strict";
import { manualClock, threadClock } from "../../../src/core/clock.ts";
import { mergeHistograms } from "../../../src/measure/histogram.ts";
import { runLoad } from "../../../src/measure/load/run-load.ts";
import type { LoadSample, LoadTarget } from "../../../src/measure/load/task.ts";
import { openLoop } from "../../../src/measure/load/turns.ts";
import type { WorkName } from "../../../src/measure/work.ts";
import { suite } from "../../support/suite.ts";
import { echoServer, tcpServer, udpServer } from "./servers.ts";

const test = suite("open loop");
const noErrors = { refused: 0, dropped: 0, timedOut: 0, wrong: 0 };

function load(
  work: WorkName,
  targets: readonly LoadTarget[],
  windowMs: number,
  timeoutMs = 20_000,
): Promise<LoadSample> {
  const task = { work, targets, concurrency: 16, messageBytes: 64, windowMs, timeoutMs, firstLane: 1 };
  return runLoad(task, threadClock, new AbortController().signal);
}

for (const kind of ["tcp-connect-request-close", "tcp-request-response", "udp-request-response"] as const) {
  test(`${kind}: as many requests as are due, each answered, whatever the host does`, async () => {
    const server = await echoServer(kind.startsWith("tcp") ? "tcp" : "udp", 2);
    const sample = await load(`${kind}@500`, server.targets, 300);
    const counts = server.counts();
    await server.close();
    assert.deepEqual(sample.errors, noErrors);
    // 500 a second for 0.3 s.
    assert.equal(sample.answers, 150);
    assert.equal(mergeHistograms([sample.latency]).totalCount, 150);
    assert.equal(
      counts.reduce((sum, { requests }) => sum + requests, 0),
      150,
    );
  });
}

/** Echoes, but for one pause: from its hundredth message on it answers nothing for so long. */
async function stallingServer(stallMs: number) {
  let messages = 0;
  let held: (() => void)[] | undefined;
  return tcpServer((socket) => {
    socket.on("data", (message) => {
      messages += 1;
      if (messages === 100) {
        held = [];
        setTimeout(() => {
          for (const answer of held!) answer();
          held = undefined;
        }, stallMs);
      }
      const answer = (): unknown => socket.write(message);
      if (held === undefined) answer();
      else held.push(answer);
    });
    socket.on("end", () => socket.end());
  });
}

/** Answers that took 50 ms or longer. */
function slowAnswers({ latency }: LoadSample): number {
  const histogram = mergeHistograms([latency]);
  let slow = histogram.totalCount;
  // The largest percentile below 50 ms, to a hundredth.
  for (let at = 0; at <= 10_000; at += 1) {
    if (histogram.getValueAtPercentile(at / 100) < 50e6) slow = histogram.totalCount * (1 - at / 10_000);
  }
  return slow;
}

test("a server that stalls for 100 ms delays every request that was due meanwhile, and each says so", async () => {
  const server = await stallingServer(100);
  const open = await load("tcp-request-response@1000", server.targets, 400);
  await server.close();
  assert.deepEqual(open.errors, noErrors);
  assert.equal(open.answers, 400);
  // 1000 a second: 100 fall into the stall, and the first half of them waits for 50 ms or longer.
  const seen = slowAnswers(open);
  assert.ok(seen >= 45, `${seen} of 400 answers took 50 ms`);

  // A closed loop asks nothing while it waits: 16 lanes see the stall once each, among thousands of answers.
  const other = await stallingServer(100);
  const closed = await load("tcp-request-response", other.targets, 400);
  await other.close();
  console.log(
    `slower than 50 ms: open loop ${seen.toFixed(0)} of ${open.answers}, closed ${slowAnswers(closed).toFixed(0)} of ${closed.answers}`,
  );
});

test("a server that never answers: each request times out, those that found no lane too, and it ends", async () => {
  for (const work of ["tcp-request-response@200", "udp-request-response@200"] as const) {
    const server = work.startsWith("tcp")
      ? await tcpServer((socket) => socket.resume().on("end", () => socket.end()))
      : await udpServer(() => []);
    const sample = await load(work, server.targets, 300, 200);
    await server.close();
    assert.equal(sample.answers, 0);
    // 200 a second for 0.3 s.
    assert.deepEqual(sample.errors, { ...noErrors, timedOut: 60 }, work);
  }
});

test("turns are due at even distances, go to who waited longest, and wait for nobody", () => {
  const clock = manualClock();
  const late: number[] = [];
  let expired = 0;
  const turns = openLoop({
    ratePerSecond: 100,
    windowMs: 60,
    timeoutMs: 25,
    clock,
    late: (ms) => late.push(ms),
    expired: () => (expired += 1),
  });
  const got: string[] = [];
  const take = (who: string) =>
    turns.take(
      (dueMs) => got.push(`${who} ${dueMs}`),
      () => got.push(`${who} over`),
    );
  take("a");
  take("gone")();
  clock.advance(1000);
  turns.begin(1000);
  assert.deepEqual(got, ["a 1000"]);
  clock.advance(12);
  take("b");
  take("c");
  // Nobody was there at 1010: b is handed that turn at once, 2 ms late, which is not the generator's doing.
  assert.deepEqual([got.at(-1), late], ["b 1010", [0]]);
  clock.advance(15);
  take("d");
  // c waited from before 1020 on.
  assert.deepEqual([got.at(-1), late], ["c 1020", [0, 7]]);
  clock.advance(30);
  // 1057: what was due at 1030 is 27 ms old; 1040 and 1050 are not too old. Then there are no more.
  for (const who of ["e", "f"]) take(who);
  assert.deepEqual(got.slice(3), ["d 1040", "e 1050", "f over"]);
  assert.equal(expired, 1);
  assert.equal(turns.isOpen(), false);
  turns.stop();
});

test("a loop that was stopped hands out nothing more", () => {
  const clock = manualClock();
  const turns = openLoop({ ratePerSecond: 10, windowMs: 1000, timeoutMs: 1, clock, late() {}, expired() {} });
  turns.begin(0);
  turns.stop();
  turns.take(
    () => assert.fail("a turn"),
    () => assert.fail("an end"),
  );
  assert.equal(turns.isOpen(), false);
});
