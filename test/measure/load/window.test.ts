import assert from "node:assert/strict";
import { type Clock, manualClock } from "../../../src/core/clock.ts";
import { runLoad } from "../../../src/measure/load/run-load.ts";
import type { LoadSample, LoadTarget, LoadTask } from "../../../src/measure/load/task.ts";
import { requestsPerFlow, type WorkName, workKinds } from "../../../src/measure/work.ts";
import { suite } from "../../support/suite.ts";
import { echoServer, tcpServer } from "./servers.ts";

/** The window is open for as long as the clock stands still. */
const test = suite("load: a window that closes at a bad moment");
const noErrors = { refused: 0, dropped: 0, timedOut: 0, wrong: 0 };
const WINDOW_MS = 100;

function load(clock: Clock, work: WorkName, targets: readonly LoadTarget[], task: Partial<LoadTask> = {}) {
  const plain = { work, targets, concurrency: 3, messageBytes: 64, windowMs: WINDOW_MS, timeoutMs: 5000, firstLane: 1 };
  return runLoad({ ...plain, ...task }, clock, new AbortController().signal);
}

/** What the client and the backends counted of the same things. */
async function bothSides(
  work: WorkName,
  run: (targets: readonly LoadTarget[]) => Promise<LoadSample>,
): Promise<{ sample: LoadSample; seen: Record<"opened" | "answers" | "bytes", number> }> {
  const server = await echoServer(work.startsWith("tcp") ? "tcp" : "udp", 1);
  const sample = await run(server.targets);
  const [count] = server.counts();
  await server.close();
  const { connections, flows, requests, bytesOut } = count!;
  return { sample, seen: { opened: connections + flows, answers: requests, bytes: bytesOut } };
}

for (const work of workKinds) {
  test(`${work}: it is over before the first request: both sides count the same, and no request`, async () => {
    const { sample, seen } = await bothSides(work, (targets) => load(manualClock(), work, targets, { windowMs: 0 }));
    const { opened, answers, bytes, errors } = sample;
    assert.deepEqual({ opened, answers, bytes }, seen);
    assert.deepEqual(errors, noErrors);
    assert.equal(answers, 0);
    // What stays open is opened ahead of the window; the others open nothing, since a flow begins with its datagram.
    assert.equal(opened, work === "tcp-request-response" || work === "tcp-bulk" ? 3 : 0);
  });
}

test("udp: it closes between the socket of a second flow and its first datagram: there was one flow", async () => {
  const clock = manualClock();
  const { sample, seen } = await bothSides("udp-request-response", ([target]) => {
    const targets = [target!, target!];
    // The lane asks for the target of its second flow when 128 requests are answered; its socket connects after that.
    Object.defineProperty(targets, 1, {
      get() {
        clock.advance(WINDOW_MS);
        return target;
      },
    });
    return load(clock, "udp-request-response", targets, { concurrency: 1 });
  });
  const { opened, answers, bytes, errors } = sample;
  assert.deepEqual({ opened, answers, bytes }, seen);
  assert.deepEqual(errors, noErrors);
  assert.deepEqual([opened, answers], [1, requestsPerFlow("udp-request-response")]);
});

test("tcp: it closes while a request is on its way: the answer counts for both sides, as no operation", async () => {
  for (const work of ["tcp-connect-request-close", "tcp-request-response"] as const) {
    const clock = manualClock();
    let requests = 0;
    const server = await tcpServer((socket) => {
      socket.on("data", (message) => {
        requests += 1;
        clock.advance(WINDOW_MS);
        socket.write(message);
      });
      socket.on("end", () => socket.end());
    });
    const sample = await load(clock, work, server.targets, { concurrency: 1 });
    await server.close();
    assert.deepEqual([sample.answers, requests, sample.operations, sample.opened], [1, 1, 0, 1], work);
    assert.deepEqual(sample.errors, noErrors);
  }
});

test("tcp-bulk: every stream that was asked for counts once, however many pieces it comes in", async () => {
  const clock = manualClock();
  const { sample, seen } = await bothSides("tcp-bulk", (targets) => {
    // Each look at the clock takes a little of the window, so that it closes after some pieces.
    const counting: Clock = {
      nowMs() {
        clock.advance(1);
        return clock.nowMs();
      },
    };
    return load(counting, "tcp-bulk", targets, { windowMs: 500, timeoutMs: 1e9 });
  });
  assert.deepEqual(sample.errors, noErrors);
  assert.deepEqual([sample.answers, sample.opened, seen.answers, seen.opened], [3, 3, 3, 3]);
});

test("udp: a client that cannot even connect is an error of the flow, which no backend is said to have seen", async () => {
  const clock = manualClock();
  // Broadcasts have to be allowed first: connecting fails, and nothing is sent.
  const away = { host: "255.255.255.255", port: 9 };
  const targets = [away, away, away];
  Object.defineProperty(targets, 2, {
    get() {
      clock.advance(WINDOW_MS);
      return away;
    },
  });
  const sample = await load(clock, "udp-request-response", targets, { concurrency: 1 });
  assert.deepEqual([sample.opened, sample.answers], [0, 0]);
  assert.deepEqual(sample.errors, { ...noErrors, dropped: 3 });
});
