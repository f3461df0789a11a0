/** Faults of backends and clients, each with bystanders on the same engine that must not notice. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { SocketAddr } from "../../../../src/net/flow.ts";
import { runs } from "../../../support/seed.ts";
import { type Suite, suite } from "../../../support/suite.ts";
import { type BackendKind, type BackendProcess, startBackend } from "../backend-process.ts";
import { type BareEngine, enginesHere, type MakeEngine } from "../bare-engine.ts";
import { type Conversation, converse } from "../conversation.ts";
import { deadAddr, endOf, tcpClient, until } from "../peers.ts";

/** What the fault hits, and what it must leave alone. */
interface Trial {
  readonly engine: BareEngine;
  /** Where clients reach the backend that has a fault, and where its neighbour. */
  readonly faulty: SocketAddr;
  readonly healthy: SocketAddr;
  readonly backend: BackendProcess;
}

const PEERS = runs(8, 4);
const BYTES = runs(4_000_000, 1_000_000);
/** More than all buffers on the way hold: it cannot be over before the fault. */
const LONG = 16_000_000;

for (const { name, make } of enginesHere()) {
  const test = suite(`${name} engine: faults`, { timeoutMs: 300_000, sampled: 4 });
  if (typeof make === "string") test.skip("the contract of engines", make);
  else faultContract(test, make);
}

function faultContract(test: Suite, bareEngine: MakeEngine): void {
  /** Declares a test with two backends; whatever happens, what goes through the other one comes back whole. */
  function fault(name: string, kind: BackendKind, run: (trial: Trial) => Promise<void>): void {
    test(name, async () => {
      const [backend, neighbour] = await Promise.all([startBackend(kind), startBackend("echo")]);
      const engine = bareEngine(({ listener }) => (listener === 0 ? backend.addr : neighbour.addr));
      try {
        const [faulty, healthy] = [await engine.listen(), await engine.listen()];
        const bystanders = await talk(healthy, PEERS);
        await run({ engine, faulty, healthy, backend });
        // Those that were there before, and those that come after.
        for (const one of [...bystanders, ...(await talk(healthy, PEERS))]) await one.intact();
        await until(() => engine.count("active") === 0 && endings(engine) >= engine.count("accepted"));
        assert.equal(endings(engine), engine.count("accepted"), "each connection ends once");
      } finally {
        engine.stop();
        await Promise.all([backend.kill(), neighbour.kill()]);
      }
    });
  }

  const endings = (engine: BareEngine): number => engine.changes.filter(({ became }) => became !== "closing").length;
  const talk = (to: SocketAddr, count: number, bytes = BYTES): Promise<Conversation[]> =>
    Promise.all(Array.from({ length: count }, () => converse(to, bytes)));
  /** Resolves when each has got something back: all are under way. */
  const underWay = (conversations: readonly Conversation[]): Promise<void> =>
    until(() => conversations.every((one) => one.back() > 0));
  /** Resolves when nothing has moved for a while. */
  const atRest = async (engine: BareEngine): Promise<void> => {
    let before = -1;
    const moved = (): number => engine.count("bytesToEndpoints") + engine.count("bytesToClients");
    while (moved() !== before) {
      before = moved();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  fault("a backend that is killed ends its own connections, and refuses new ones", "echo", async (trial) => {
    const { engine, faulty, backend } = trial;
    const victims = await talk(faulty, PEERS, LONG);
    await underWay(victims);
    await backend.kill();
    for (const one of victims) {
      // What its kernel still had to read makes it a RST; where it had nothing it is a FIN.
      assert.match(await one.unaltered(), /^(ECONNRESET|end)$/);
    }
    // On a busy host the first may be through when the last gets under way.
    assert.ok(victims.some((one) => one.back() < one.sent.length));
    const refused = engine.count("refused");
    assert.equal(await endOf(faulty), "ECONNRESET");
    assert.equal(engine.count("refused"), refused + 1);
  });

  fault(
    "a backend that is frozen holds up its own connections, and loses none of their bytes",
    "echo",
    async (trial) => {
      const { engine, faulty, healthy, backend } = trial;
      const held = await talk(faulty, PEERS, LONG);
      await underWay(held);
      backend.freeze();
      // While it is frozen its kernel accepts, and all others are served to their end.
      const late = await talk(faulty, PEERS, 100_000);
      for (const one of await talk(healthy, PEERS)) await one.intact();
      await atRest(engine);
      assert.ok(held.some((one) => one.back() < one.sent.length));
      assert.ok(late.every((one) => one.back() === 0));
      backend.thaw();
      for (const one of [...held, ...late]) await one.intact();
    },
  );

  fault("a backend that is slow gets its clients' bytes at its own pace, and all of them", "slow", async (trial) => {
    const slow = await talk(trial.faulty, PEERS, BYTES);
    await underWay(slow);
    for (const one of await talk(trial.healthy, PEERS)) await one.intact();
    for (const one of slow) await one.intact();
  });

  test("a backend that refuses costs its own clients, and nobody else", async () => {
    const backend = await startBackend("echo");
    const dead = deadAddr();
    const engine = bareEngine(({ listener }) => (listener === 0 ? dead : backend.addr));
    const [refusing, healthy] = [await engine.listen(), await engine.listen()];
    const bystanders = await talk(healthy, PEERS);
    const many = runs(2000, 200);
    for (let one = 0; one < many; one += 1) assert.equal(await endOf(refusing), "ECONNRESET");
    for (const one of bystanders) await one.intact();
    assert.equal(engine.count("refused"), many);
    await until(() => engine.count("active") === 0);
    engine.stop();
    await backend.kill();
  });

  fault("a client that never reads stops itself alone, and gets every byte once it does", "echo", async (trial) => {
    const { engine, faulty, healthy } = trial;
    const silent = await talk(faulty, PEERS, LONG);
    for (const { client } of silent) client.socket.pause();
    for (const one of await talk(healthy, PEERS)) await one.intact();
    await atRest(engine);
    assert.ok(silent.every((one) => one.back() < one.sent.length));
    for (const { client } of silent) client.socket.resume();
    for (const one of silent) await one.intact();
  });

  fault("a client that never writes keeps its connection, and may write late", "echo", async (trial) => {
    const { engine, faulty, healthy } = trial;
    const silent = await Promise.all(Array.from({ length: 50 }, () => tcpClient(faulty)));
    for (const one of await talk(healthy, PEERS)) await one.intact();
    // All others have come and gone.
    const others = PEERS * 2;
    await until(() => engine.count("accepted") === others + silent.length && engine.count("active") === silent.length);
    for (const { socket } of silent) socket.end("late");
    for (const { received } of silent) assert.equal(String(await received), "late");
  });

  fault("a client that resets in the middle takes its own connection along, and no other", "echo", async (trial) => {
    const { engine, faulty } = trial;
    const rounds = runs(50, 3);
    for (let round = 0; round < rounds; round += 1) {
      const victims = await talk(faulty, PEERS, LONG);
      // Who goes on reading may be through when the last one gets under way.
      for (const { client } of victims) client.socket.once("data", () => client.socket.pause());
      await underWay(victims);
      for (const { client } of victims) {
        const closed = once(client.socket, "close");
        client.socket.resetAndDestroy();
        await closed;
      }
    }
    await until(() => engine.count("resets") === rounds * PEERS);
  });

  fault("a client that half-closes before a byte came back gets them all, and then the end", "echo", async (trial) => {
    const early = await talk(trial.faulty, PEERS * 4, 1_000_000);
    for (const one of early) {
      assert.equal(one.client.socket.writableEnded, true);
      await one.intact();
    }
  });
}
