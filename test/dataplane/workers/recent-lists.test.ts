import assert from "node:assert/strict";
import {
  createListRegistry,
  createRecentMemory,
  type SharedRecentLists,
  viewRecentLists,
} from "../../../src/dataplane/workers/recent-lists.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";

const test = suite("shared recent lists");

const client = parseIp("192.0.2.1");
const other = parseIp("fd00::1");

interface Scene {
  readonly memory: SharedArrayBuffer;
  /** Puts these lists into force. */
  use(...names: string[]): void;
  /** The lists as two threads see them. */
  readonly threads: readonly [SharedRecentLists, SharedRecentLists];
}

function scene(...names: string[]): Scene {
  const memory = createRecentMemory();
  const registry = createListRegistry(memory);
  const threads = [viewRecentLists(memory), viewRecentLists(memory)] as const;
  const use = (...lists: string[]): void => {
    const numbers = registry.retain(new Set(lists));
    for (const thread of threads) thread.use(numbers);
  };
  use(...names);
  return { memory, use, threads };
}

test("what one thread remembers another sees, in this list and for this address alone", () => {
  const { threads } = scene("a", "b");
  threads[0].remember("a", client, 1000, 10);
  assert.deepEqual(
    [
      threads[1].seen("a", client, 1000, 10),
      threads[1].seen("b", client, 1000, 10),
      threads[1].seen("a", other, 1000, 10),
    ],
    [true, false, false],
  );
});

test("an address is seen for as many seconds as are asked for, and no longer", () => {
  const { threads } = scene("a");
  threads[0].remember("a", client, 0, 10);
  const seenAt = (ms: number, seconds: number): boolean => threads[1].seen("a", client, ms, seconds);
  assert.deepEqual([seenAt(9990, 10), seenAt(10_010, 10)], [true, false]);
  // Asked for less than it is remembered for.
  assert.deepEqual([seenAt(3000, 3), seenAt(3010, 3)], [true, false]);
});

test("to remember again starts anew", () => {
  const { threads } = scene("a");
  threads[0].remember("a", client, 0, 10);
  threads[0].remember("a", client, 9000, 10);
  assert.equal(threads[0].seen("a", client, 18_000, 10), true);
});

test("the age is right where ticks start anew", () => {
  const { threads } = scene("a");
  // 2³⁰ ticks of 10 ms.
  const wrap = 2 ** 30 * 10;
  threads[0].remember("a", client, wrap - 500, 10);
  assert.deepEqual(
    [threads[0].seen("a", client, wrap + 500, 1), threads[0].seen("a", client, wrap + 600, 1)],
    [true, false],
  );
});

test("a list that goes is forgotten; one that stays is not", () => {
  const { use, threads } = scene("stays", "goes");
  for (const list of ["stays", "goes"]) threads[0].remember(list, client, 0, 10);
  use("stays");
  use("stays", "goes");
  assert.deepEqual([threads[0].seen("stays", client, 0, 10), threads[0].seen("goes", client, 0, 10)], [true, false]);
});
