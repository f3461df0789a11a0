/** What every load generator has to do, whatever it is made of. */
import assert from "node:assert/strict";
import { mergeHistograms } from "../../../src/measure/histogram.ts";
import type { LoadErrors, LoadSample, LoadTarget, LoadTask } from "../../../src/measure/load/task.ts";
import { streamBlock } from "../../../src/measure/message.ts";
import { type WorkName, workKinds } from "../../../src/measure/work.ts";
import type { Suite } from "../../support/suite.ts";
import { echoServer, tcpServer, udpServer } from "./servers.ts";

const noErrors: LoadErrors = { refused: 0, dropped: 0, timedOut: 0, wrong: 0 };

type Run = (task: LoadTask, signal: AbortSignal) => Promise<LoadSample>;

/** @param run does one slice. */
export function declareLoadTests(test: Suite, run: Run): void {
  const tcpWorks = workKinds.filter((work) => work.startsWith("tcp"));
  function load(work: WorkName, targets: readonly LoadTarget[], task: Partial<LoadTask> = {}): Promise<LoadSample> {
    const plain = { work, targets, concurrency: 3, messageBytes: 64, windowMs: 100, timeoutMs: 5000, firstLane: 1 };
    return run({ ...plain, ...task }, new AbortController().signal);
  }

  const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

  for (const work of workKinds) {
    test(`${work}: against echo backends all is answered, counted alike on both sides, and nothing stays open`, async () => {
      const server = await echoServer(work.startsWith("tcp") ? "tcp" : "udp", 3);
      const sample = await load(work, server.targets, { messageBytes: 100, windowMs: 500 });
      const counts = server.counts();
      await server.close();
      assert.deepEqual(sample.errors, noErrors);
      assert.ok(sample.bytes > 0);
      assert.ok(Math.abs(sample.seconds - 0.5) < 1e-9, `${sample.seconds}`);
      assert.equal(sum(counts.map(({ bytesOut }) => bytesOut)), sample.bytes);
      assert.equal(sum(counts.map((one) => one.requests)), sample.answers);
      if (work.startsWith("tcp")) assert.equal(sum(counts.map(({ connections }) => connections)), sample.opened);
      else assert.ok(sum(counts.map(({ flows }) => flows)) >= 1);
      const { totalCount } = mergeHistograms([sample.latency]);
      assert.equal(totalCount, work === "tcp-bulk" ? 0 : sample.answers);
      assert.ok(work === "tcp-bulk" || sample.operations <= sample.answers);
    });

    test(`${work}: targets are taken in turn`, async () => {
      const server = await echoServer(work.startsWith("tcp") ? "tcp" : "udp", 3);
      await load(work, server.targets);
      const taken = server.counts().map(({ connections, flows }) => connections + flows);
      await server.close();
      assert.ok(Math.max(...taken) - Math.min(...taken) <= 1, `${taken}`);
    });

    test(`${work}: nobody listens: every try is counted as refused, and it ends`, async () => {
      // A port that the system gives to nobody, unlike one that was just closed.
      const sample = await load(work, [{ host: "127.0.0.1", port: 1 }]);
      assert.equal(sample.operations, 0);
      assert.ok(sample.errors.refused >= 1);
      assert.deepEqual({ ...sample.errors, refused: 0 }, noErrors);
    });

    test(`${work}: a server that never answers times out, lane by lane, and does not hang`, async () => {
      const server = work.startsWith("tcp") ? await tcpServer((socket) => socket.resume()) : await udpServer(() => []);
      const sample = await load(work, server.targets, { timeoutMs: 500, windowMs: 400 });
      await server.close();
      assert.equal(sample.operations, 0);
      // A lane begins one request in the window, and none after it was given up: then the window is over.
      assert.ok(sample.errors.timedOut >= 1 && sample.errors.timedOut <= 3, JSON.stringify(sample.errors));
      assert.deepEqual({ ...sample.errors, timedOut: 0 }, noErrors);
    });

    test(`${work}: an abort ends it at once with what was counted`, async () => {
      const server = await echoServer(work.startsWith("tcp") ? "tcp" : "udp", 1);
      const abort = new AbortController();
      const task: LoadTask = {
        work,
        targets: server.targets,
        concurrency: 2,
        messageBytes: 64,
        windowMs: 60_000,
        timeoutMs: 60_000,
        firstLane: 1,
      };
      const running = run(task, abort.signal);
      setTimeout(() => abort.abort(), 50);
      const sample = await running;
      await server.close();
      assert.ok(sample.seconds < 60);
      assert.deepEqual(sample.errors, noErrors);
    });
  }

  test("an abort before the start gives an empty sample", async () => {
    const task = { work: "tcp-bulk", targets: [{ host: "127.0.0.1", port: 1 }], concurrency: 2 } as const;
    const rest = { messageBytes: 64, windowMs: 1000, timeoutMs: 1000, firstLane: 1 };
    const sample = await run({ ...task, ...rest }, AbortSignal.abort());
    assert.equal(sample.operations, 0);
    assert.equal(sample.seconds, 0);
  });

  for (const work of tcpWorks) {
    test(`${work}: a server that changes one byte is caught`, async () => {
      const server = await tcpServer((socket) => {
        socket.on("data", (chunk) => {
          chunk[chunk.length - 1]! ^= 1;
          socket.write(chunk);
        });
        socket.on("end", () => socket.end());
      });
      const sample = await load(work, server.targets);
      await server.close();
      assert.equal(sample.operations, 0);
      assert.ok(sample.errors.wrong >= 1, JSON.stringify(sample.errors));
    });

    test(`${work}: a server that closes without an answer is counted as dropped`, async () => {
      const server = await tcpServer((socket) => {
        socket.once("data", () => socket.end());
        socket.on("end", () => socket.end());
      });
      const sample = await load(work, server.targets);
      await server.close();
      assert.equal(sample.operations, 0);
      assert.ok(sample.errors.dropped >= 1);
      assert.equal(sample.errors.wrong + sample.errors.timedOut + sample.errors.refused, 0);
    });

    test(`${work}: a server that resets the connection is counted as dropped`, async () => {
      const server = await tcpServer((socket) => {
        socket.once("data", () => socket.resetAndDestroy());
        socket.on("end", () => socket.end());
      });
      const sample = await load(work, server.targets);
      await server.close();
      assert.ok(sample.errors.dropped >= 1, JSON.stringify(sample.errors));
      assert.equal(sample.operations, 0);
    });
  }

  test("answers that went to the wrong connection are wrong answers", async () => {
    let held: { readonly message: Buffer; reply(message: Buffer): void } | undefined;
    const server = await tcpServer((socket) => {
      socket.on("data", (message) => {
        const mine = { message, reply: (answer: Buffer) => void socket.write(answer) };
        if (held === undefined) held = mine;
        else {
          // Swapped: each gets what the other one asked for.
          mine.reply(held.message);
          held.reply(message);
          held = undefined;
        }
      });
      socket.on("end", () => socket.end());
    });
    const sample = await load("tcp-request-response", server.targets, { concurrency: 4, timeoutMs: 200 });
    await server.close();
    assert.equal(sample.operations, 0);
    assert.ok(sample.errors.wrong >= 2, JSON.stringify(sample.errors));
  });

  test("an old answer in place of the new one is wrong", async () => {
    const server = await tcpServer((socket) => {
      let first: Buffer | undefined;
      socket.on("data", (message) => socket.write((first ??= Buffer.from(message))));
      socket.on("end", () => socket.end());
    });
    const sample = await load("tcp-request-response", server.targets);
    await server.close();
    assert.ok(sample.errors.wrong >= 1);
  });

  test("an answer in pieces is put together, one with a byte too many is wrong", async () => {
    const inPieces = await tcpServer((socket) => {
      socket.setNoDelay(true);
      socket.on("data", (message) => {
        socket.write(message.subarray(0, 20));
        setTimeout(() => socket.write(message.subarray(20)), 2);
      });
      socket.on("end", () => socket.end());
    });
    const good = await load("tcp-request-response", inPieces.targets);
    await inPieces.close();
    assert.deepEqual(good.errors, noErrors);
    assert.ok(good.answers > 0);

    const tooLong = await tcpServer((socket) => {
      socket.on("data", (message) => socket.write(Buffer.concat([message, Buffer.from("!")])));
      socket.on("end", () => socket.end());
    });
    const bad = await load("tcp-request-response", tooLong.targets);
    await tooLong.close();
    assert.ok(bad.errors.wrong >= 1);
    assert.equal(bad.operations, 0);
  });

  test("a lane goes on after a server that stalls once", async () => {
    let stalled = false;
    const server = await tcpServer((socket) => {
      socket.on("data", (message) => {
        if (stalled) socket.write(message);
        stalled = true;
      });
      socket.on("end", () => socket.end());
    });
    const sample = await load("tcp-request-response", server.targets, {
      concurrency: 1,
      timeoutMs: 200,
      windowMs: 1000,
    });
    await server.close();
    assert.ok(sample.errors.timedOut >= 1);
    assert.deepEqual({ ...sample.errors, timedOut: 0 }, noErrors);
    assert.ok(sample.answers > 0);
  });

  test("a server that never closes its half is given up, and its requests do not count as complete", async () => {
    const server = await tcpServer((socket) => socket.on("data", (message) => socket.write(message)));
    const sample = await load("tcp-connect-request-close", server.targets, { timeoutMs: 400, windowMs: 500 });
    await server.close();
    assert.equal(sample.operations, 0);
    assert.ok(sample.answers >= 1);
    assert.ok(sample.errors.timedOut >= 1);
  });

  test("a stream that does not end when it is asked to is given up", async () => {
    const server = await tcpServer((socket) => {
      let block: Buffer = Buffer.alloc(0);
      const pump = (): void => {
        while (socket.writable && socket.write(block));
      };
      socket.on("data", (request) => {
        block = streamBlock(request.readUInt32BE(8));
        pump();
      });
      socket.on("drain", pump);
    });
    const sample = await load("tcp-bulk", server.targets, { concurrency: 1, timeoutMs: 100, windowMs: 100 });
    await server.close();
    assert.ok(sample.errors.timedOut >= 1);
    assert.deepEqual({ ...sample.errors, timedOut: 0 }, noErrors);
  });

  test("udp: a wrong answer, somebody else's and a second one are wrong; a lost one times out", async () => {
    const flipped = (message: Buffer): Buffer => {
      const copy = Buffer.from(message);
      copy[12]! ^= 1;
      return copy;
    };
    for (const [answer, kind] of [
      [(message: Buffer) => [flipped(message)], "wrong"],
      [(message: Buffer) => [message, message], "wrong"],
      [(message: Buffer) => [message.subarray(0, 32)], "wrong"],
      [() => [], "timedOut"],
    ] as const) {
      const server = await udpServer(answer);
      const sample = await load("udp-request-response", server.targets, { timeoutMs: 400 });
      await server.close();
      assert.ok(sample.errors[kind] >= 1, `${kind}: ${JSON.stringify(sample.errors)}`);
    }
  });

  test("tcp-connect is timed until the connection stands, not until the answer", async () => {
    const server = await tcpServer((socket) => {
      socket.on("data", (message) => setTimeout(() => socket.write(message), 60));
      socket.on("end", () => socket.end());
    });
    const whole = await load("tcp-connect-request-close", server.targets, { windowMs: 300 });
    const connecting = await load("tcp-connect", server.targets, { windowMs: 300 });
    await server.close();
    // Every answer takes 60 ms; of the connections the quickest does not.
    assert.ok(mergeHistograms([whole.latency]).minNonZeroValue >= 58e6);
    assert.ok(mergeHistograms([connecting.latency]).minNonZeroValue < 50e6);
  });

  test("udp-first-datagram: each datagram has a flow of its own", async () => {
    const server = await echoServer("udp", 1);
    const sample = await load("udp-first-datagram", server.targets, { concurrency: 1, windowMs: 300 });
    const [count] = server.counts();
    await server.close();
    assert.ok(sample.answers > 1);
    assert.equal(sample.opened, sample.answers);
    // After 256 flows of a lane an address comes again, and with it, now and then, a port.
    assert.ok(count!.flows > 0.9 * sample.answers, `${count!.flows} of ${sample.answers}`);
  });

  test("udp: a new flow, with a client of its own, begins every 128 requests", async () => {
    const server = await echoServer("udp", 1);
    const sample = await load("udp-request-response", server.targets, { concurrency: 1, windowMs: 300 });
    const [count] = server.counts();
    await server.close();
    assert.deepEqual(sample.errors, noErrors);
    assert.equal(count!.flows, Math.ceil(sample.answers / 128));
  });
}
