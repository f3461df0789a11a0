import assert from "node:assert/strict";
import { once } from "node:events";
import type { WorkerOptions as ThreadOptions } from "node:worker_threads";
import { lineLog } from "../../../src/core/log.ts";
import type { Asked, WorkerStart } from "../../../src/dataplane/workers/messages.ts";
import { spawnWorker } from "../../../src/dataplane/workers/worker-thread.ts";
import { createWorkersDataplane } from "../../../src/dataplane/workers/workers.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import type { SocketAddr } from "../../../src/net/flow.ts";
import { suite } from "../../support/suite.ts";
import { type Client, echo, tcpClient, tcpEndpoint, until } from "./peers.ts";
import { whyMissing } from "./running.ts";
import { compiled } from "./services.ts";

async function answers({ socket }: Client): Promise<void> {
  socket.write("x");
  assert.equal(String(((await once(socket, "data")) as [Buffer])[0]), "x");
}

for (const engine of ["node", "native"] as const) {
  const test = suite(`workers: one that is stuck, ${engine} engine`, { timeoutMs: 60_000, sampled: 1 });
  const missing = whyMissing(engine);
  for (const kind of ["hold", "switch", "release"] as const) {
    const name = `a worker that never answers ${kind} is replaced, and the others go on`;
    if (missing === undefined) test(name, () => replaced(kind));
    else test.skip(name, missing);
  }

  async function replaced(kind: Asked["message"]["kind"]): Promise<void> {
    const logged: string[] = [];
    let armed = false;
    /** The first worker is stuck before it hears such a message. */
    const spawn = (_: URL, options: ThreadOptions) => {
      const thread = spawnWorker(threadFile(import.meta.url, "stickable-worker-thread"), options);
      const post = thread.postMessage.bind(thread);
      thread.postMessage = (asked: Asked) => {
        const sticks = armed && asked.message.kind === kind && (options.workerData as WorkerStart).seat === 0;
        if (sticks) {
          armed = false;
          post({ number: 0, message: { kind: "stick" } }, []);
        }
        post(asked, []);
      };
      return thread;
    };
    const log = lineLog((line) => logged.push(line.trimEnd()));
    const dataplane = createWorkersDataplane({ workers: 2, seed: 1, engine, log }, spawn);
    const endpoint = await tcpEndpoint(echo);
    const table = compiled(
      "userspace",
      ["a", "b"].map((name, at) => ({ name, clusterIp: `10.96.0.${at + 1}`, endpoints: [endpoint.addr] })),
    );
    const at = (name: string): SocketAddr =>
      dataplane.status().listeners.find(({ frontend }) => frontend.servicePort === name)!.at!;
    try {
      // Dealt out: `a` to worker 0 and `b` to worker 1.
      await dataplane.apply(...table);
      const kept = await tcpClient(at("default/b"));
      await answers(kept);
      armed = true;
      await dataplane.apply(...table);
      assert.equal(armed, false);
      assert.equal(dataplane.status().generation, 2);
      await answers(kept);
      await until(() => dataplane.status().workers.every(({ state }) => state === "running"));
      await until(() => dataplane.status().listeners.every(({ at: bound }) => bound !== undefined));
      for (const name of ["default/a", "default/b"]) {
        const client = await tcpClient(at(name));
        await answers(client);
        client.socket.destroy();
      }
      kept.socket.destroy();
      assert.deepEqual(
        dataplane.status().workers.map(({ restarts }) => restarts),
        [1, 0],
      );
      assert.equal(logged.length, 1);
      assert.match(
        logged[0]!,
        new RegExp(`^warning: worker 0 .* died .*: it did not answer ${kind} within 5 s; back in`),
      );
    } finally {
      await dataplane.close();
      await endpoint.close();
    }
  }
}
