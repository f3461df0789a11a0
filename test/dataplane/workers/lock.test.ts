import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import {
  controlOwner,
  createSeats,
  leaveSeat,
  type Seats,
  sharedLock,
  takeSeat,
} from "../../../src/dataplane/workers/lock.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import { suite } from "../../support/suite.ts";
import type { LockWork } from "./lock-thread.ts";
import { startLine } from "./start-line.ts";

const test = suite("shared lock", { timeoutMs: 60_000 });

interface Scene {
  readonly memory: SharedArrayBuffer;
  readonly seats: Seats;
  readonly line: SharedArrayBuffer;
  /** Threads that wait for each other before they increment. */
  readonly parties: number;
}

function scene(threads: number, parties = 1): Scene {
  return { memory: new SharedArrayBuffer(8), seats: createSeats(threads), line: startLine(), parties };
}

function start({ memory, seats, line, parties }: Scene, seat: number, increments?: number): Worker {
  const owner = takeSeat(seats, seat, 0);
  const workerData: LockWork = { memory, seats: seats.words, owner, increments, line, parties };
  return new Worker(threadFile(import.meta.url, "lock-thread"), { workerData });
}

test("one thread at a time has it: 3 × 30 000 increments are all there", async () => {
  const shared = scene(3, 3);
  const threads = [0, 1, 2].map((seat) => start(shared, seat, 30_000));
  await Promise.all(threads.map((thread) => once(thread, "exit")));
  assert.deepEqual([...new Int32Array(shared.memory)], [0, 90_000]);
});

test("the lock of a thread that died passes to the next one that asks", async () => {
  const shared = scene(2);
  const dead = start(shared, 0);
  await once(dead, "message");
  const asks = start(shared, 1, 1000);
  await dead.terminate();
  leaveSeat(shared.seats, 0);
  await once(asks, "exit");
  assert.deepEqual([...new Int32Array(shared.memory)], [0, 1000]);
});

test("the next thread of a seat is not taken for the dead one", async () => {
  const shared = scene(1);
  const dead = start(shared, 0);
  await once(dead, "message");
  await dead.terminate();
  // Nobody saw the seat empty.
  const owner = takeSeat(shared.seats, 0, 1);
  const lock = sharedLock(shared.memory, shared.seats, owner);
  lock.acquire();
  lock.release();
  assert.equal(new Int32Array(shared.memory)[0], 0);
});

test("the control thread takes over a lock that has not changed hands for a second", async () => {
  const shared = scene(1);
  const dead = start(shared, 0);
  await once(dead, "message");
  await dead.terminate();
  // Its seat is not empty: the death was not heard of yet.
  const lock = sharedLock(shared.memory, shared.seats, controlOwner(shared.seats));
  lock.acquire();
  lock.release();
  assert.equal(new Int32Array(shared.memory)[0], 0);
});

test("an owner whose lock was taken over does not release it", () => {
  const shared = scene(2);
  const first = sharedLock(shared.memory, shared.seats, takeSeat(shared.seats, 0, 0));
  const second = sharedLock(shared.memory, shared.seats, takeSeat(shared.seats, 1, 0));
  first.acquire();
  leaveSeat(shared.seats, 0);
  second.acquire();
  first.release();
  assert.notEqual(new Int32Array(shared.memory)[0], 0);
  second.release();
  assert.equal(new Int32Array(shared.memory)[0], 0);
});
