/** Picks from pools that it shares with other threads, as fast as it can. */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { createPoolViews } from "../../../src/dataplane/emulated/pool-views.ts";
import type { PoolEntry } from "../../../src/dataplane/emulated/pools.ts";
import { sharedLock } from "../../../src/dataplane/workers/lock.ts";
import { type Flow, TCP } from "../../../src/net/flow.ts";
import type { Ip4 } from "../../../src/net/ip.ts";
import { waitForAll } from "./start-line.ts";

/** What a thread of this file is told. */
export interface PicksWork {
  readonly seat: number;
  readonly owner: number;
  readonly seats: Int32Array;
  readonly entry: PoolEntry;
  readonly picks: number;
  /** Clients take turns. */
  readonly clients: number;
  /** Of the connections picked, every how many ends at once; 0: none. */
  readonly endsEvery: number;
  /** Where it waits for the others. */
  readonly line: SharedArrayBuffer;
  readonly parties: number;
}

/** What it says when it is done: how often each slot was picked, and the last slot of each client. */
export interface PicksDone {
  readonly bySlot: readonly number[];
  readonly byClient: readonly number[];
}

const work = workerData as PicksWork;
const lockOf = (memory: ArrayBufferLike) => sharedLock(memory, { words: work.seats }, work.owner);
const views = createPoolViews({ thread: work.seat, random: seededRandom(work.owner), lockOf });
views.use([work.entry]);
const { pool } = views.pool(work.entry.key)!;
const bySlot = Array.from({ length: work.entry.layout.capacity }, () => 0);
const byClient: number[] = [];

waitForAll(work.line, work.parties);
for (let pick = 0; pick < work.picks; pick += 1) {
  const client = pick % work.clients;
  const src = (0x0a00_0000 + client) as Ip4;
  const flow: Flow = { proto: TCP, src, srcPort: 1024, dst: 0x0a60_0001 as Ip4, dstPort: 80 };
  const slot = pool.choose(flow, systemClock.nowMs(), false);
  bySlot[slot]! += 1;
  byClient[client] = slot;
  if (work.endsEvery === 0 || pick % work.endsEvery !== 0) continue;
  pool.wentInactive(slot);
  pool.forgotten(slot);
}
parentPort!.postMessage({ bySlot, byClient } satisfies PicksDone, []);
