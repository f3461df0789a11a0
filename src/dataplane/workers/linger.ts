import type { Clock } from "../../core/clock.ts";
import type { BackendPool } from "../emulated/backend-pool.ts";

/** Connections that are over and still counted, as IPVS counts them until their entry's time is over. */
export interface Linger {
  /** Counts on for this long. O(1), 24 bytes. */
  add(pool: BackendPool, slot: number, timeoutMs: number): void;
}

/** A time-out is looked at this often at most: connections are forgotten in bunches. */
const SWEEP_MS = 100;

/** The timers keep no thread alive: whoever dies is taken out of the counts by others. */
export function createLinger(clock: Clock): Linger {
  const queues = new Map<number, Queue>();
  const sweep = (queue: Queue, timeoutMs: number): void => {
    const nextMs = queue.forgetUntil(clock.nowMs() - timeoutMs);
    if (nextMs === undefined) return;
    setTimeout(sweep, Math.max(SWEEP_MS, nextMs + timeoutMs - clock.nowMs()), queue, timeoutMs).unref();
  };
  return {
    add(pool, slot, timeoutMs) {
      let queue = queues.get(timeoutMs);
      if (queue === undefined) {
        queue = createQueue();
        queues.set(timeoutMs, queue);
      }
      const idle = queue.isEmpty();
      queue.push(clock.nowMs(), pool, slot);
      if (idle) setTimeout(sweep, timeoutMs, queue, timeoutMs).unref();
    },
  };
}

interface Queue {
  isEmpty(): boolean;
  push(sinceMs: number, pool: BackendPool, slot: number): void;
  /** Forgets all that were added up to then. @returns when the first one left was added. */
  forgetUntil(ms: number): number | undefined;
}

/** Parallel arrays and no object an entry: a busy worker has a million of them. */
function createQueue(): Queue {
  const times: number[] = [];
  const pools: BackendPool[] = [];
  const slots: number[] = [];
  return {
    isEmpty: () => times.length === 0,
    push(sinceMs, pool, slot) {
      times.push(sinceMs);
      pools.push(pool);
      slots.push(slot);
    },
    forgetUntil(ms) {
      let gone = 0;
      while (gone < times.length && times[gone]! <= ms) {
        pools[gone]!.forgotten(slots[gone]!);
        gone += 1;
      }
      for (const column of [times, pools, slots]) column.splice(0, gone);
      return times[0];
    },
  };
}
