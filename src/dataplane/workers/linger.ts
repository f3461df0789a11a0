import type { Clock } from "../../core/clock.ts";
import type { BackendPool } from "../emulated/backend-pool.ts";

/** Connections that are over and still counted, as IPVS counts them until their entry's time is over. */
export interface Linger {
  /** Counts on for this long. O(1), 20 bytes. */
  add(pool: BackendPool, slot: number, timeoutMs: number): void;
}

/** A time-out is looked at this often at most: connections are forgotten in bunches. */
const SWEEP_MS = 100;
/** Entries that are allocated together. */
const BLOCK = 4096;

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

/** Some entries in their order, those of `at`…`end` still to be forgotten. */
interface Block {
  readonly times: Float64Array;
  readonly slots: Int32Array;
  readonly pools: BackendPool[];
  at: number;
  end: number;
}

/**
 * Blocks of numbers and no object an entry: a busy worker has a million of them, and one array that grew to hold them all
 * would be copied again and again.
 */
function createQueue(): Queue {
  const blocks: Block[] = [];
  let last: Block | undefined;
  return {
    isEmpty: () => blocks.length === 0,
    push(sinceMs, pool, slot) {
      if (last === undefined || last.end === BLOCK) {
        last = createBlock();
        blocks.push(last);
      }
      last.times[last.end] = sinceMs;
      last.slots[last.end] = slot;
      last.pools.push(pool);
      last.end += 1;
    },
    forgetUntil(ms) {
      for (let [first] = blocks; first !== undefined; [first] = blocks) {
        for (; first.at < first.end && first.times[first.at]! <= ms; first.at += 1) {
          first.pools[first.at]!.forgotten(first.slots[first.at]!);
        }
        if (first.at < first.end) return first.times[first.at];
        blocks.shift();
        if (first === last) last = undefined;
      }
      return undefined;
    },
  };
}

function createBlock(): Block {
  return { times: new Float64Array(BLOCK), slots: new Int32Array(BLOCK), pools: [], at: 0, end: 0 };
}
