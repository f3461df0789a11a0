import { type Lock, noLock } from "../../core/lock.ts";
import type { Random } from "../../core/random.ts";
import type { Program } from "../../modes/program.ts";
import type { SocketAddr } from "../../net/flow.ts";
import { sameIp } from "../../net/ip.ts";
import { type BackendPool, carryPool, createPoolMemory, type PoolMemory, viewPool } from "./backend-pool.ts";
import { layoutFor, nobody, relink, sameLayout, seat, type Seating } from "./pool-draft.ts";
import { type PoolPlan, poolPlans, samePlan } from "./pool-plan.ts";

/** One pool of a program, plain enough to be posted to a worker thread, which takes it in with `PoolViews`. */
export interface PoolEntry extends PoolMemory {
  /** As `DecisionState.pool` is asked for it. */
  readonly key: string;
  /** Of the memory: another number means another memory, no number ever comes back. */
  readonly generation: number;
  /** By slot: the endpoint of every slot that may be picked, before and after the commit. */
  readonly addrs: readonly (SocketAddr | undefined)[];
}

export interface PoolKeeperOptions {
  /** Threads that will count connections, each in columns of its own: 1…256. */
  readonly threads: number;
  /** Whether other threads will look at the memory. */
  readonly shared: boolean;
  /** Shuffles the lists of the userspace mode. */
  readonly random: Random;
  /** Makes the lock of a memory, whose word lies at byte 0. @default no lock, for memory that one thread sees */
  readonly lockOf?: (memory: ArrayBufferLike) => Lock;
}

/**
 * Owns the pools of the program in force: which endpoint stands in which slot, and every change of the lists.
 *
 * A change comes in two steps, so that no thread ever picks a slot whose address it was not told: `prepare`, tell all
 * threads the entries and hear that they took them in, `commit`. A prepared change that is not committed is dropped by
 * the next `prepare`.
 *
 * An endpoint keeps its slot as long as the program has it. The slot of one that is gone stays reserved while any
 * connection is counted on it: if the endpoint comes back meanwhile, it finds its old counts, as in IPVS.
 */
export interface PoolKeeper {
  /**
   * Lays out what the program needs; changes nothing that a pick can see.
   *
   * @returns every pool of the program; of one that stays as it is, the same object as the time before.
   * @throws {SluiceError} BALANCER_INVALID for an unknown algorithm or more than 65535 servers in one pool.
   */
  prepare(program: Program): readonly PoolEntry[];
  /** Puts into force what was prepared last, once: new servers are added, weights edited, old servers removed. */
  commit(): void;
  /** Takes the connections of a dead thread out of the totals of every pool. */
  bury(thread: number): void;
}

interface Kept {
  readonly plan: PoolPlan;
  readonly entry: PoolEntry;
  /** The keeper's own view, for changes of the list; it never picks. */
  readonly pool: BackendPool;
  readonly seating: Seating;
}

interface Draft extends Kept {
  commit(): void;
}

/** Makes a keeper that has no pools yet. */
export function createPoolKeeper(options: PoolKeeperOptions): PoolKeeper {
  const { threads, shared, random, lockOf = () => noLock } = options;
  let kept: ReadonlyMap<string, Kept> = new Map();
  let prepared: ReadonlyMap<string, Draft> | undefined;
  let generation = 0;

  const draft = (plan: PoolPlan, before: Kept | undefined): Draft => {
    // Of ten thousand services few change at a time.
    if (before !== undefined && samePlan(plan, before.plan)) return { ...before, commit() {} };
    const seating = seat(plan, before?.seating ?? nobody, before?.pool);
    const layout = layoutFor(plan, seating, threads, before?.entry.layout);
    if (before !== undefined && sameLayout(layout, before.entry.layout)) return inPlace(plan, before, seating);

    generation += 1;
    const memory = createPoolMemory(layout, shared);
    const entry: PoolEntry = { key: plan.key, generation, memory, layout, addrs: seating.addrs };
    const pool = viewPool(memory, layout, 0, random, lockOf(memory));
    before?.pool.update(() => carryPool(before.entry, entry, random));
    relink(pool, plan, before?.seating ?? nobody, seating, random);
    return { plan, entry, pool, seating, commit() {} };
  };
  const inPlace = (plan: PoolPlan, before: Kept, seating: Seating): Draft => {
    const same = sameAddrs(seating.addrs, before.entry.addrs);
    const entry = same ? before.entry : { ...before.entry, addrs: seating.addrs };
    return {
      plan,
      entry,
      pool: before.pool,
      seating,
      commit: () => relink(before.pool, plan, before.seating, seating, random),
    };
  };

  return {
    prepare(program) {
      prepared = undefined;
      const next = new Map<string, Draft>();
      for (const plan of poolPlans(program)) {
        if (!next.has(plan.key)) next.set(plan.key, draft(plan, kept.get(plan.key)));
      }
      prepared = next;
      return [...next.values()].map(({ entry }) => entry);
    },
    commit() {
      if (prepared === undefined) return;
      for (const one of prepared.values()) one.commit();
      kept = prepared;
      prepared = undefined;
    },
    bury(thread) {
      const pools = new Set([...kept.values(), ...(prepared?.values() ?? [])].map(({ pool }) => pool));
      for (const pool of pools) pool.bury(thread);
    },
  };
}

function sameAddrs(a: PoolEntry["addrs"], b: PoolEntry["addrs"]): boolean {
  return a.length === b.length && a.every((addr, slot) => sameAddr(addr, b[slot]));
}

function sameAddr(a: SocketAddr | undefined, b: SocketAddr | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.port === b.port && sameIp(a.ip, b.ip);
}
