import type { Clock } from "../../../core/clock.ts";

/** What stands in an expiry queue, in one at a time. */
export interface ExpiryEntry {
  readonly expire: () => void;
  touchedMs: number;
  queue: ExpiryQueue | undefined;
  older: ExpiryEntry | undefined;
  newer: ExpiryEntry | undefined;
}

/** Entries that expire the same time after they were last touched: the oldest is always the next to go. */
interface ExpiryQueue {
  readonly timeoutMs: number;
  /** Puts the entry last, from wherever it stood. O(1). */
  touch(entry: ExpiryEntry): void;
  /** Takes it out. O(1). */
  remove(entry: ExpiryEntry): void;
  oldest(): ExpiryEntry | undefined;
}

export interface ExpiryQueues {
  /** The queue of this time-out; made on first use. */
  of(timeoutMs: number): ExpiryQueue;
  /** What was touched longest ago in any queue. O(time-outs). */
  oldest(): ExpiryEntry | undefined;
  /** Lets go of the timer: nothing expires any more. */
  stop(): void;
}

/** An entry in no queue. @param expire is called once it has left its queue because its time was over. */
export function createExpiryEntry(expire: () => void): ExpiryEntry {
  return { expire, touchedMs: 0, queue: undefined, older: undefined, newer: undefined };
}

/** Queues of entries, one a time-out, with one timer for all of them; the timer keeps no thread alive. */
export function createExpiryQueues(clock: Clock): ExpiryQueues {
  const queues = new Map<number, ExpiryQueue>();
  let timer: NodeJS.Timeout | undefined;
  let timerAtMs = Infinity;

  const wakeAt = (ms: number): void => {
    if (ms >= timerAtMs) return;
    clearTimeout(timer);
    timerAtMs = ms;
    timer = setTimeout(sweep, Math.max(1, Math.ceil(ms - clock.nowMs()))).unref();
  };
  const sweep = (): void => {
    timerAtMs = Infinity;
    for (const queue of queues.values()) expireOldest(queue, clock.nowMs());
    for (const queue of queues.values()) {
      const next = queue.oldest();
      if (next !== undefined) wakeAt(next.touchedMs + queue.timeoutMs);
    }
  };

  return {
    of(timeoutMs) {
      let queue = queues.get(timeoutMs);
      if (queue === undefined) {
        queue = createQueue(timeoutMs, clock, wakeAt);
        queues.set(timeoutMs, queue);
      }
      return queue;
    },
    oldest() {
      let first: ExpiryEntry | undefined;
      for (const queue of queues.values()) {
        const entry = queue.oldest();
        if (entry !== undefined && (first === undefined || entry.touchedMs < first.touchedMs)) first = entry;
      }
      return first;
    },
    stop() {
      clearTimeout(timer);
      timerAtMs = -Infinity;
    },
  };
}

function expireOldest(queue: ExpiryQueue, nowMs: number): void {
  for (let entry = queue.oldest(); entry !== undefined; entry = queue.oldest()) {
    if (entry.touchedMs + queue.timeoutMs > nowMs) return;
    queue.remove(entry);
    entry.expire();
  }
}

function createQueue(timeoutMs: number, clock: Clock, wakeAt: (ms: number) => void): ExpiryQueue {
  let first: ExpiryEntry | undefined;
  let last: ExpiryEntry | undefined;
  const queue: ExpiryQueue = {
    timeoutMs,
    oldest: () => first,
    remove(entry) {
      if (entry.older === undefined) first = entry.newer;
      else entry.older.newer = entry.newer;
      if (entry.newer === undefined) last = entry.older;
      else entry.newer.older = entry.older;
      entry.older = undefined;
      entry.newer = undefined;
      entry.queue = undefined;
    },
    touch(entry) {
      entry.queue?.remove(entry);
      entry.touchedMs = clock.nowMs();
      entry.queue = queue;
      entry.older = last;
      if (last === undefined) first = entry;
      else last.newer = entry;
      last = entry;
      wakeAt(entry.touchedMs + timeoutMs);
    },
  };
  return queue;
}
