/** What several threads decide at the same time is what one thread decides that is asked in the order of their tickets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../../src/core/clock.ts";
import { noLock } from "../../../src/core/lock.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { viewPool } from "../../../src/dataplane/emulated/backend-pool.ts";
import { recentLists } from "../../../src/dataplane/emulated/node-state.ts";
import { createPoolKeeper, type PoolEntry } from "../../../src/dataplane/emulated/pools.ts";
import type { FlowChange } from "../../../src/dataplane/workers/engine.ts";
import { controlOwner, createSeats, type Seats, sharedLock, takeSeat } from "../../../src/dataplane/workers/lock.ts";
import { createListRegistry, createRecentMemory } from "../../../src/dataplane/workers/recent-lists.ts";
import { threadFile } from "../../../src/host/thread-file.ts";
import { parseIp } from "../../../src/net/ip.ts";
import { suite } from "../../support/suite.ts";
import { deciding, type Shared } from "./deciding.ts";
import type { DecidingWork, Logged } from "./deciding-thread.ts";
import { type Applied, compiled, type TestService } from "./services.ts";
import { startLine } from "./start-line.ts";

const test = suite("shared decisions", { timeoutMs: 60_000 });

const THREADS = 3;
const ENDPOINTS = 5;
const ROUNDS = 40;
const STEPS = THREADS * ROUNDS * 60;
/** The word of the lock, and one that fills up. */
const HEADER_BYTES = 8;

const service = (given: Partial<TestService> = {}): readonly TestService[] => [
  {
    endpoints: Array.from({ length: ENDPOINTS }, (_, at) => ({ ip: parseIp(`10.244.1.${at + 1}`), port: 8080 })),
    ...given,
  },
];
const ipvs = (scheduler: string, given: Partial<TestService> = {}): Applied =>
  compiled("ipvs", service(given), { ipvs: { scheduler } });

interface Case {
  readonly name: string;
  readonly applied: Applied;
  readonly fates: readonly FlowChange["became"][];
  readonly weights?: readonly number[];
}

const weights = [1, 5, 2, 7, 3];
const sticky = { affinitySeconds: 1 };
const cases: readonly Case[] = [
  { name: "rr", applied: ipvs("rr"), fates: [] },
  { name: "wrr", applied: ipvs("wrr"), fates: [], weights },
  { name: "lc", applied: ipvs("lc"), fates: ["reset"] },
  { name: "lc of datagrams", applied: ipvs("lc", { protocol: "UDP" }), fates: ["expired"] },
  { name: "sed", applied: ipvs("sed"), fates: ["reset"], weights },
  { name: "lc with persistence", applied: ipvs("lc", sticky), fates: ["reset"] },
  { name: "userspace", applied: compiled("userspace", service()), fates: ["closing", "closed"] },
  { name: "userspace with affinity", applied: compiled("userspace", service(sticky)), fates: ["closing", "closed"] },
  { name: "iptables with affinity", applied: compiled("iptables", service(sticky)), fates: [] },
  { name: "nftables with affinity", applied: compiled("nftables", service(sticky)), fates: [] },
];

function sharedOf({ applied, weights: given }: Case, seats: Seats): Shared {
  const lockOf = (memory: ArrayBufferLike) => sharedLock(memory, seats, controlOwner(seats));
  const keeper = createPoolKeeper({ threads: THREADS, shared: true, random: seededRandom(1), lockOf });
  const [program, plan] = applied;
  const pools = keeper.prepare(program);
  keeper.commit();
  for (const pool of pools) reweigh(pool, given ?? []);
  const recent = createRecentMemory();
  const lists = createListRegistry(recent).retain(recentLists(program));
  const frontends = new Map([[0, plan.frontends[0]!]]);
  return { applied, recent, table: { generation: 1, pools, lists, frontends } };
}

function reweigh({ memory, layout }: PoolEntry, given: readonly number[]): void {
  viewPool(memory, layout, 0, seededRandom(1)).update((balancer, set) => {
    for (const [slot, weight] of given.entries()) {
      set.weight[slot] = weight;
      balancer.reweighted(slot);
    }
  });
}

function copyOf(shared: Shared): Shared {
  const pools = shared.table.pools.map((pool) => ({ ...pool, memory: pool.memory.slice(0) }));
  return { ...shared, recent: shared.recent.slice(0), table: { ...shared.table, pools } };
}

/** All that is remembered, but for who holds the locks. */
function contents({ recent, table }: Shared): readonly Buffer[] {
  return [recent, ...table.pools.map(({ memory }) => memory)].map((memory) => Buffer.from(memory, HEADER_BYTES));
}

/** @returns what all threads have logged, in the order of their tickets. */
async function decideTogether(shared: Shared, { fates }: Case, seats: Seats): Promise<readonly Logged[]> {
  const tickets = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const together = { ...shared, seats: seats.words, tickets, line: startLine(), parties: THREADS, fates };
  const length = { rounds: ROUNDS, stepsPerRound: STEPS / THREADS / ROUNDS, clients: 40 };
  const startMs = systemClock.nowMs();
  const threads = Array.from({ length: THREADS }, async (_, seat) => {
    const workerData: DecidingWork = { ...together, ...length, startMs, seat, owner: takeSeat(seats, seat, 0) };
    const thread = new Worker(threadFile(import.meta.url, "deciding-thread"), { workerData });
    const [log] = (await once(thread, "message")) as [Logged[]];
    return log;
  });
  return (await Promise.all(threads)).flat().sort((a, b) => a.ticket - b.ticket);
}

for (const one of cases) {
  test(`${one.name}: ${STEPS} steps of ${THREADS} threads replay on one`, async () => {
    const seats = createSeats(THREADS);
    const shared = sharedOf(one, seats);
    const alone = copyOf(shared);
    const log = await decideTogether(shared, one, seats);

    // Each step was one critical section, and no ticket was drawn twice or lost.
    assert.deepEqual(
      log.map(({ ticket }) => ticket),
      Array.from({ length: STEPS }, (_, at) => at),
    );
    assert.ok(log.every(({ sections }) => sections === 1));
    // They did meet: in each round all threads took steps.
    const changes = log.filter(({ seat }, at) => at > 0 && log[at - 1]!.seat !== seat).length;
    assert.ok(changes >= ROUNDS * (THREADS - 1), `${changes} changes of threads`);
    if (one.fates.length > 0) assert.ok(log.some(({ became }) => became !== undefined));
    const picked = new Set(log.filter(({ client }) => client !== undefined).map(({ to }) => to));
    assert.equal(picked.size, ENDPOINTS);

    const threads = Array.from({ length: THREADS }, (_, seat) => deciding(alone, seat, () => noLock));
    for (const step of log) {
      const to = threads[step.seat]!(step);
      if (to !== step.to) assert.fail(`ticket ${step.ticket} of thread ${step.seat}: ${step.to}, replayed ${to}`);
    }
    for (const [at, memory] of contents(shared).entries()) assert.ok(memory.equals(contents(alone)[at]!));
  });
}
