import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { constants } from "node:os";
import { Worker } from "node:worker_threads";
import { chooseEngine } from "../../src/dataplane/workers/choose-engine.ts";
import { counterNames } from "../../src/dataplane/workers/counters.ts";
import { isSluiceError } from "../../src/core/errors.ts";
import { type Addon, type EngineHandle, loadAddon } from "../../src/host/addon.ts";
import { threadFile } from "../../src/host/thread-file.ts";
import { suite } from "../support/suite.ts";

const test = suite("native binding", { timeoutMs: 120_000 });
const addon = loadAddon();

/** A policy that an engine can follow: one try, whole datagrams. */
const policy = (): Uint32Array => Uint32Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 65_535, 1000, 1000, 0, 0, 0]);
const floats = (length: number): Float64Array => new Float64Array(new SharedArrayBuffer(length * 8));
const words = (length: number): Uint32Array => new Uint32Array(new SharedArrayBuffer(length * 4));
const EXCHANGE_WORDS = 256 * (2 + 9 + 7);
const descriptors = (): number => readdirSync("/proc/self/fd").length;
const loopback = (): Uint32Array => Uint32Array.from([4, 0, 0x7f_00_00_01, 0, 0, 0]);

test("an engine that is not built is an error that names what is missing, never another engine", () => {
  const missing = () => "the C engine is not built for here";
  assert.throws(
    () => chooseEngine("native", missing),
    (error) => isSluiceError(error, "HOST_UNABLE") && error.details.missing === missing(),
  );
  assert.deepEqual(chooseEngine(undefined, missing), { name: "node" });
  assert.deepEqual(chooseEngine("node", missing), { name: "node" });
  assert.match(loadAddon("/nowhere") as string, /not built/);
});

if (typeof addon === "string") test.skip("the rest", addon);
else misuse(addon);

function misuse(addon: Addon): void {
  const create = (): EngineHandle =>
    addon.create(floats(counterNames.length), words(EXCHANGE_WORDS), undefined, policy(), 8, () => {});
  const calls: Readonly<Record<string, (engine: EngineHandle) => unknown>> = {
    listen: (engine) => addon.listen(engine, 0, 0, true, 0),
    unlisten: (engine) => addon.unlisten(engine, 99),
    use: (engine) => addon.use(engine, policy()),
    hold: (engine) => addon.hold(engine, true),
    expire: (engine) => addon.expire(engine, 99),
    resetAll: (engine) => addon.resetAll(engine),
    destination: (engine) => addon.destination(engine, 99, words(6)),
    connections: (engine) => addon.connections(engine),
  };

  test("counters stand in C as in JavaScript", () => assert.deepEqual(addon.counters, counterNames));

  for (const [name, call] of Object.entries(calls)) {
    test(`${name}: refuses what is no engine, and one that was stopped`, () => {
      for (const wrong of [undefined, null, 7, "engine", {}, [], () => {}, new Uint8Array(8)]) {
        assert.throws(() => call(wrong as unknown as EngineHandle), { code: "ERR_INVALID_ARG_TYPE" });
      }
      const engine = create();
      call(engine);
      addon.stop(engine);
      assert.throws(() => call(engine), { code: "ERR_NOT_OPEN" });
      addon.stop(engine);
    });
  }

  test("arguments of the wrong type, too short or out of range are refused, and nothing stays open", () => {
    const before = descriptors();
    const good = [floats(counterNames.length), words(EXCHANGE_WORDS), undefined, policy(), 8, () => {}] as const;
    const wrong: readonly (readonly [number, unknown])[] = [
      [0, floats(15)],
      [0, words(32)],
      [1, words(EXCHANGE_WORDS - 1)],
      [1, undefined],
      [2, floats(0)],
      [2, 5],
      [3, new Uint32Array(17)],
      [4, 0],
      [4, Number.NaN],
      [4, 1.5],
      [5, "turn"],
    ];
    for (const [at, value] of wrong) {
      const given = good.map((one, index) => (index === at ? value : one));
      assert.throws(() => Reflect.apply(addon.create, addon, given), { code: "ERR_INVALID_ARG_TYPE" }, `${at}`);
    }
    for (const [at, value] of [
      [0, 0],
      [0, 9],
      [12, 0],
      [17, 3],
    ] as const) {
      const bad = policy();
      bad[at] = value;
      assert.throws(() => addon.create(good[0], good[1], undefined, bad, 8, () => {}), { code: "ERR_OUT_OF_RANGE" });
    }
    assert.throws(() => addon.openSocket(new Uint32Array(5), true, false, 1), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => addon.openSocket(new Uint32Array(6), true, false, 1), { code: "ERR_OUT_OF_RANGE" });
    assert.throws(() => addon.openSocket(loopback(), true, false, 0), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => addon.originalDestination(-1, loopback()), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => addon.originalDestination(0, new Uint32Array(5)), { code: "ERR_INVALID_ARG_TYPE" });
    assert.equal(addon.originalDestination(2 ** 31 - 1, loopback()), -constants.errno.EBADF);
    assert.equal(descriptors(), before);
  });

  test("memory that could be taken away while an engine uses it is refused by name; a policy is read at once", () => {
    const before = descriptors();
    const good = [floats(counterNames.length), words(EXCHANGE_WORDS), floats(1), policy(), 8, () => {}] as const;
    const detachable: readonly (readonly [number, unknown])[] = [
      [0, new Float64Array(counterNames.length)],
      [1, new Uint32Array(EXCHANGE_WORDS)],
      [2, new Float64Array(1)],
    ];
    for (const [at, value] of detachable) {
      const given = good.map((one, index) => (index === at ? value : one));
      assert.throws(() => Reflect.apply(addon.create, addon, given), {
        code: "ERR_INVALID_ARG_TYPE",
        message: `argument ${at} is not a typed array in shared memory (a SharedArrayBuffer)`,
      });
    }
    assert.equal(descriptors(), before);
    const policyWords = policy();
    const engine = addon.create(good[0], good[1], good[2], policyWords, 8, () => {});
    structuredClone(policyWords, { transfer: [policyWords.buffer as ArrayBuffer] });
    assert.throws(() => addon.use(engine, policyWords), { code: "ERR_INVALID_ARG_TYPE" });
    assert.equal(addon.connections(engine), 0);
    addon.stop(engine);
  });

  test("a thread has one engine at a time, and the next one when it has stopped", () => {
    const first = create();
    assert.throws(create, { code: "ERR_NOT_OPEN", message: "the thread's loop takes no engine" });
    addon.stop(first);
    addon.stop(create());
  });

  test("a socket is closed once, and a descriptor that is none of ours stays open", () => {
    const fd = addon.openSocket(loopback(), true, false, 1);
    addon.closeSocket(fd);
    assert.throws(() => addon.closeSocket(fd), { code: "ERR_NOT_OPEN" });
    assert.throws(() => addon.closeSocket(-1), { code: "ERR_INVALID_ARG_TYPE" });
  });

  test("a thread that is terminated at any moment leaves no descriptor open", async () => {
    const file = threadFile(import.meta.url, "busy-engine-thread");
    const liveAndDie = async (turns: number): Promise<void> => {
      const thread = new Worker(file);
      await once(thread, "message");
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      await thread.terminate();
    };
    // What Node itself opens once is open after the first.
    await liveAndDie(0);
    const before = descriptors();
    for (let turns = 0; turns < 12; turns += 1) await liveAndDie(turns * 3);
    assert.equal(descriptors(), before);
  });
}
