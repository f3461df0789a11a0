import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { seededRandom } from "../../../src/core/random.ts";
import { viewPool } from "../../../src/dataplane/emulated/backend-pool.ts";
import { createPoolKeeper, type PoolEntry, type PoolKeeper } from "../../../src/dataplane/emulated/pools.ts";
import { controlOwner, createSeats, sharedLock, takeSeat } from "../../../src/dataplane/workers/lock.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";
import type { PicksDone, PicksWork } from "./picks-thread.ts";
import { compiled } from "./services.ts";
import { startLine } from "./start-line.ts";

const test = suite("shared picks", { timeoutMs: 60_000 });

const ENDPOINTS = 5;
const THREADS = 2;

interface Outcome {
  readonly entry: PoolEntry;
  readonly keeper: PoolKeeper;
  readonly done: readonly PicksDone[];
  /** Picks of all threads, by slot in use. */
  readonly picks: readonly number[];
  /** Active connections of the pool, by slot in use. */
  readonly active: readonly number[];
}

/** Two threads pick from one pool at the same time. */
async function pickTogether(scheduler: string, work: Partial<PicksWork>, affinitySeconds?: number): Promise<Outcome> {
  const seats = createSeats(THREADS);
  const lockOf = (memory: ArrayBufferLike) => sharedLock(memory, seats, controlOwner(seats));
  const keeper = createPoolKeeper({ threads: THREADS, shared: true, random: seededRandom(1), lockOf });
  const endpoints = Array.from({ length: ENDPOINTS }, (_, at) => ({ ip: parseIp(`10.244.1.${at + 1}`), port: 8080 }));
  const affinity = affinitySeconds === undefined ? {} : { affinitySeconds };
  const [program] = compiled("ipvs", [{ endpoints, ...affinity }], { ipvs: { scheduler } });
  const [entry] = keeper.prepare(program);
  keeper.commit();
  const together = { seats: seats.words, entry: entry!, line: startLine(), parties: THREADS };
  const threads = Array.from({ length: THREADS }, async (_, seat) => {
    const own = { seat, owner: takeSeat(seats, seat, 0), picks: 10_000, clients: 1, endsEvery: 0 };
    const workerData: PicksWork = { ...together, ...own, ...work };
    const thread = new Worker(threadFile(import.meta.url, "picks-thread"), { workerData });
    const [done] = (await once(thread, "message")) as [PicksDone];
    return done;
  });
  const done = await Promise.all(threads);
  const slots = entry!.addrs.flatMap((addr, slot) => (addr === undefined ? [] : [slot]));
  const { set } = viewPool(entry!.memory, entry!.layout, 0, seededRandom(1));
  return {
    entry: entry!,
    keeper,
    done,
    picks: slots.map((slot) => done.reduce((sum, { bySlot }) => sum + bySlot[slot]!, 0)),
    active: slots.map((slot) => set.active[slot]!),
  };
}

test("rr is one truth over two threads: 2 × 10 000 picks give each of 5 endpoints exactly 4000", async () => {
  const { picks } = await pickTogether("rr", {});
  assert.deepEqual(picks, [4000, 4000, 4000, 4000, 4000]);
});

for (const scheduler of ["lc", "sed"]) {
  // All connections stay open, so the least loaded endpoint is always the next in turn.
  test(`${scheduler} is one truth over two threads: 2 × 5000 connections leave each of 5 endpoints with 2000`, async () => {
    const { picks, active } = await pickTogether(scheduler, { picks: 5000 });
    assert.deepEqual([picks, active], [Array(5).fill(2000), Array(5).fill(2000)]);
  });
}

test("connections that end while another thread picks are counted out exactly", async () => {
  const { picks, active } = await pickTogether("lc", { picks: 6000, endsEvery: 3 });
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  assert.deepEqual([sum(picks), sum(active)], [12_000, 8000]);
});

test("a client goes to the same endpoint whichever thread it meets", async () => {
  const { done } = await pickTogether("rr", { picks: 2000, clients: 400 }, 3600);
  assert.equal(done[0]!.byClient.length, 400);
  assert.deepEqual(done[0]!.byClient, done[1]!.byClient);
});

test("burying a thread takes exactly its connections out of the totals", async () => {
  const { keeper, entry, done } = await pickTogether("rr", { picks: 5000 });
  keeper.bury(0);
  const { set } = viewPool(entry.memory, entry.layout, 0, seededRandom(1));
  assert.deepEqual(Array.from(set.active.subarray(0, entry.layout.capacity)), done[1]!.bySlot);
});
