import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSluiceError } from "../../../src/core/errors.ts";
import { exec, startCommand } from "../../../src/host/exec.ts";
import { startEchoBackends } from "../../../src/measure/echo/backends.ts";
import { mergeHistograms, percentileUs } from "../../../src/measure/histogram.ts";
import { startNativeGenerator } from "../../../src/measure/load/native-generator.ts";
import { startLoadGenerator } from "../../../src/measure/load/start-generator.ts";
import type { LoadTask } from "../../../src/measure/load/task.ts";
import { openNamespace } from "../../support/namespace.ts";
import { inProject } from "../../support/root.ts";
import { workKinds } from "../../../src/measure/work.ts";
import { FLOW_RANGE } from "../../../src/measure/load/udp-lane.ts";
import { suite } from "../../support/suite.ts";
import { declareLoadTests } from "./load-tests.ts";
import { echoServer, tcpServer } from "./servers.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-load-"));
const file = join(folder, "load");
const unbuilt = await compile();
const netns = `sluice-load-${process.pid}`;
const namespace = unbuilt === undefined ? await openNamespace(netns) : unbuilt;
const test = suite("native load generator");

/** @returns why it cannot be built here; undefined: it is. */
async function compile(): Promise<string | undefined> {
  const sources = readdirSync(inProject("native", "load")).filter((name) => name.endsWith(".c"));
  const paths = sources.map((name) => inProject("native", "load", name));
  const strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];
  const checked = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  try {
    const options = ["-std=c11", "-D_GNU_SOURCE", "-O1", ...strict, ...checked];
    const { exitCode, stderr } = await exec(["cc", ...options, "-o", file, ...paths], { timeoutMs: 120_000 });
    return exitCode === 0 ? undefined : stderr;
  } catch (error) {
    if (isSluiceError(error, "HOST_UNABLE")) return "no C compiler";
    throw error;
  }
}

/** A question of as many bytes as wrk's in the comparison. @returns the body. */
async function askHttp(port: number): Promise<string> {
  const bare = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const socket = connect(port, "127.0.0.1");
  socket.write(bare.replace("/ ", `/${"a".repeat(64 - bare.length)} `));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  assert.equal(answer.length, 64);
  const [head, body] = answer.toString().split("\r\n\r\n");
  assert.match(head!, /^HTTP\/1\.1 200 OK\r\nContent-Length: 25$/);
  return body!;
}

/** A number of 64 bits, and flags of which the lowest says that a client sent it. @returns the flags of the answer. */
async function askLikeSockperf(port: number): Promise<number> {
  const socket = createSocket("udp4");
  const question = Buffer.alloc(64);
  question.writeBigUInt64BE(7n);
  question[9] = 0x11;
  socket.send(question, port, "127.0.0.1");
  const [answer] = (await once(socket, "message")) as [Buffer];
  socket.close();
  assert.equal(answer.readBigUInt64BE(), 7n);
  return answer[9]!;
}

if (unbuilt === "no C compiler") test.skip("all of it", unbuilt);
else {
  assert.equal(unbuilt, undefined);
  const generator = startNativeGenerator(file);
  test.after(async () => {
    await generator.close();
    if (typeof namespace !== "string") await namespace.close();
    rmSync(folder, { recursive: true });
  });
  declareLoadTests(test, (task, signal) => generator.run(task, signal));

  const common = { concurrency: 16, messageBytes: 64, timeoutMs: 20_000, firstLane: 1 };

  for (const kind of ["tcp-connect-request-close", "tcp-request-response", "udp-request-response"] as const) {
    test(`${kind}, open loop: as many requests as are due, each answered, whatever the host does`, async () => {
      const server = await echoServer(kind.startsWith("tcp") ? "tcp" : "udp", 2);
      const task: LoadTask = { ...common, work: `${kind}@500`, targets: server.targets, windowMs: 300 };
      const sample = await generator.run(task);
      await server.close();
      // 500 a second for 0.3 s.
      assert.equal(sample.answers, 150);
      assert.equal(mergeHistograms([sample.latency]).totalCount, 150);
    });
  }

  test("a server that stalls for 100 ms is seen by all that were due meanwhile", async () => {
    let messages = 0;
    let held: (() => void)[] | undefined;
    const server = await tcpServer((socket) => {
      socket.on("data", (message) => {
        messages += 1;
        if (messages === 100) {
          held = [];
          setTimeout(() => {
            for (const answer of held!) answer();
            held = undefined;
          }, 100);
        }
        const answer = (): unknown => socket.write(message);
        if (held === undefined) answer();
        else held.push(answer);
      });
      socket.on("end", () => socket.end());
    });
    const task: LoadTask = { ...common, work: "tcp-request-response@1000", targets: server.targets, windowMs: 500 };
    const sample = await generator.run(task);
    await server.close();
    const histogram = mergeHistograms([sample.latency]);
    assert.equal(histogram.totalCount, 500);
    // 100 of 500 were due in the stall, evenly: of all, one in ten waited 50 ms or more, whether a lane was free or not.
    assert.ok(percentileUs(histogram, 89)! > 40_000, `${percentileUs(histogram, 89)}`);
  });

  test("of the comparison with other proxies, too: as many as are due, without a burst of all lanes at the start", async () => {
    const backend = startCommand([file, "backend", "echo"]);
    try {
      while (!backend.stdout().endsWith("\n")) await delay(10);
      const argv = [file, "generate", "echo", backend.stdout().trim(), "32", "64", "300", "100"] as const;
      const { operations, errors } = JSON.parse((await exec(argv)).stdout) as Record<string, number>;
      // 100 a second for 0.3 s.
      assert.deepEqual([operations, errors], [30, 0]);
    } finally {
      await backend.stop("SIGKILL");
    }
  });

  test("latencies are kept to a thousandth", async () => {
    const server = await tcpServer((socket) => {
      socket.on("data", (message) => setTimeout(() => socket.write(message), 30));
      socket.on("end", () => socket.end());
    });
    const work = "tcp-request-response" as const;
    const sample = await generator.run({ ...common, work, targets: server.targets, windowMs: 200 });
    await server.close();
    const least = mergeHistograms([sample.latency]).minNonZeroValue;
    assert.ok(least >= 28.9e6 && least < 20e9, `${least}`);
  });

  for (const [protocol, work] of [
    ["tcp", "tcp-request-response"],
    ["udp", "udp-request-response"],
  ] as const) {
    test(`the reference server over ${protocol} takes its time over each answer, and says what is asked of it`, async () => {
      const reference = startCommand([file, "reference", protocol, String(1e6)]);
      try {
        while (!reference.stdout().endsWith("\n")) await delay(10);
        const port = Number(reference.stdout());
        const targets = [{ host: "127.0.0.1", port }];
        const sample = await generator.run({ ...common, work, targets, windowMs: 300 });
        assert.deepEqual(sample.errors, { refused: 0, dropped: 0, timedOut: 0, wrong: 0 });
        // A thousandth of a second each, one after the other.
        assert.ok(sample.operations > 0 && sample.operations <= 300, `${sample.operations}`);
        if (protocol === "tcp") assert.equal(await askHttp(port), "k".repeat(25));
        else assert.equal(await askLikeSockperf(port), 0x10);
      } finally {
        await reference.stop("SIGKILL");
      }
    });
  }

  test("one that dies in the middle is an error with its reason, not a wait", async () => {
    const mine = startNativeGenerator(file);
    const server = await echoServer("tcp", 1);
    const running = mine.run({ ...common, work: "tcp-bulk", targets: server.targets, windowMs: 60_000 });
    setTimeout(() => void mine.close(), 50);
    await assert.rejects(running, (error) => isSluiceError(error, "HOST_UNABLE"));
    await server.close();
  });

  test("it is taken where it is built; asked for and not built it is an error, never another one", async () => {
    const built = startLoadGenerator(undefined, undefined, file);
    const unbuiltHere = startLoadGenerator(undefined, undefined, "");
    const asked = startLoadGenerator("node", undefined, file);
    assert.deepEqual([built.name, unbuiltHere.name, asked.name], ["native", "node", "node"]);
    await Promise.all([built, unbuiltHere, asked].map((one) => one.close()));
    assert.throws(
      () => startLoadGenerator("native", undefined, ""),
      (error) => isSluiceError(error, "HOST_UNABLE"),
    );
  });

  const host = "10.91.0.1";
  if (typeof namespace === "string") test.skip("a network namespace", namespace);
  else {
    test("in a network namespace every work reaches what is only there", async () => {
      await namespace.run("ip", "route", "add", "local", FLOW_RANGE, "dev", "lo");
      await namespace.run("ip", "address", "add", `${host}/32`, "dev", "lo");
      const specs = (["tcp", "udp"] as const).map((protocol) => ({ protocol, host, port: 0 }));
      const echoes = await startEchoBackends(specs, netns);
      const inside = startNativeGenerator(file, netns);
      for (const work of workKinds) {
        const targets = [{ host, port: echoes.ports[work.startsWith("tcp") ? 0 : 1]! }];
        const sample = await inside.run({ ...common, concurrency: 2, work, targets, windowMs: 100 });
        assert.deepEqual(sample.errors, { refused: 0, dropped: 0, timedOut: 0, wrong: 0 }, work);
        assert.ok(sample.operations > 0, work);
      }
      await Promise.all([inside.close(), echoes.close()]);
    });

    test("ports of its own that run out are its own limit, by name, and nobody else's dropped connections", async () => {
      const [range, reuse] = ["net.ipv4.ip_local_port_range", "net.ipv4.tcp_tw_reuse"];
      const echoes = await startEchoBackends([{ protocol: "tcp", host, port: 0 }], netns);
      const inside = startNativeGenerator(file, netns);
      await namespace.run("sysctl", "-qw", `${range}=40000 40003`, `${reuse}=0`);
      const targets = [{ host, port: echoes.ports[0]! }];
      const task: LoadTask = { ...common, concurrency: 2, work: "tcp-connect-request-close", targets, windowMs: 100 };
      await assert.rejects(
        inside.run(task),
        (error: Error) => isSluiceError(error, "HOST_UNABLE") && /no local port is left/.test(error.message),
      );
      await namespace.run("sysctl", "-qw", `${range}=32768 60999`, `${reuse}=2`);
      await Promise.all([inside.close(), echoes.close()]);
    });
  }
}
