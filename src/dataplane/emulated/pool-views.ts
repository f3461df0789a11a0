import { type Lock, noLock } from "../../core/lock.ts";
import type { Random } from "../../core/random.ts";
import { type BackendPool, viewPool } from "./backend-pool.ts";
import type { ServicePool } from "./decider.ts";
import type { PoolEntry } from "./pools.ts";

export interface PoolViewsOptions {
  /** Whose columns count what these views open, 0…threads − 1. */
  readonly thread: number;
  readonly random: Random;
  /** As the keeper's. @default no lock */
  readonly lockOf?: (memory: ArrayBufferLike) => Lock;
}

/** The pools as one thread sees them. */
export interface PoolViews {
  /**
   * Takes in the entries of a keeper, whole: pools that are not among them are gone for new flows. Where the memory of
   * a pool was replaced, this thread's open connections are counted in the new one, and the pool object stays the same.
   */
  use(entries: readonly PoolEntry[]): void;
  /** For `DecisionState.pool`. */
  pool(key: string): ServicePool | undefined;
}

interface View extends ServicePool {
  readonly generation: number;
  readonly pool: MovablePool;
}

/** Makes an empty set of views. */
export function createPoolViews({ thread, random, lockOf = () => noLock }: PoolViewsOptions): PoolViews {
  let views = new Map<string, View>();

  const viewOf = ({ key, generation, memory, layout, addrs }: PoolEntry): View => {
    const known = views.get(key);
    if (known?.generation === generation) return { generation, pool: known.pool, addrs };
    const pool = viewPool(memory, layout, thread, random, lockOf(memory));
    if (known === undefined) return { generation, pool: movablePool(pool), addrs };
    known.pool.moveTo(pool);
    return { generation, pool: known.pool, addrs };
  };

  return {
    use(entries) {
      views = new Map(entries.map((entry) => [entry.key, viewOf(entry)]));
    },
    pool: (key) => views.get(key),
  };
}

interface MovablePool extends BackendPool {
  moveTo(next: BackendPool): void;
}

/** A pool whose memory may be replaced under those who hold it. */
function movablePool(first: BackendPool): MovablePool {
  let now = first;
  return {
    get set() {
      return now.set;
    },
    get mine() {
      return now.mine;
    },
    choose: (flow, nowMs, fresh) => now.choose(flow, nowMs, fresh),
    wentInactive: (slot) => now.wentInactive(slot),
    forgotten: (slot) => now.forgotten(slot),
    update: (edit) => now.update(edit),
    forgetClients: (slot) => now.forgetClients(slot),
    counted: (slot) => now.counted(slot),
    bury: (thread) => now.bury(thread),
    takeOver: (old) => now.takeOver(old),
    moveTo(next) {
      next.takeOver(now);
      now = next;
    },
  };
}
