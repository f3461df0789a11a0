/** Increments a number that it shares, or takes the lock and stays. */
import { parentPort, workerData } from "node:worker_threads";
import { sharedLock } from "../../../src/dataplane/workers/lock.ts";
import { waitForAll } from "./start-line.ts";

/** What a thread of this file is told. */
export interface LockWork {
  /** The lock's word, and then the number. */
  readonly memory: SharedArrayBuffer;
  readonly seats: Int32Array;
  readonly owner: number;
  /** undefined: takes the lock and keeps it. */
  readonly increments: number | undefined;
  /** Where it waits for the others that increment. */
  readonly line: SharedArrayBuffer;
  readonly parties: number;
}

const { memory, seats, owner, increments, line, parties } = workerData as LockWork;
const lock = sharedLock(memory, { words: seats }, owner);
const words = new Int32Array(memory);
if (increments !== undefined) waitForAll(line, parties);
for (let done = 0; done < (increments ?? 0); done += 1) {
  lock.acquire();
  // Not atomic, and slow on purpose: two threads at once would lose some.
  const before = words[1]!;
  for (let look = 0; look < 50; look += 1) Atomics.load(words, 0);
  words[1] = before + 1;
  lock.release();
}
if (increments === undefined) {
  lock.acquire();
  // Keeps the thread, and so the lock's owner, alive.
  setInterval(() => {}, 1000);
}
parentPort!.postMessage("done", []);
