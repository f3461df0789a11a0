/** Where time comes from. Everything that waits, expires or measures takes one of these. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. Fractions are kept. */
  nowMs(): number;
}

/** The host's monotonic clock; in a worker thread it counts from the same moment as in the main thread. */
export const systemClock: Clock = Object.freeze({
  nowMs: () => performance.timeOrigin + performance.now(),
});

/** The same clock from this thread's own start: finer (nanoseconds, not parts of a microsecond), not comparable between threads. */
export const threadClock: Clock = Object.freeze({ nowMs: () => performance.now() });

/** A clock that moves only when told to, so that a test can replay hours in no time. */
export interface ManualClock extends Clock {
  /** @param ms how far to move on; at least 0. */
  advance(ms: number): void;
}

/** @param startMs what the clock shows first, in milliseconds. */
export function manualClock(startMs = 0): ManualClock {
  let now = startMs;
  return {
    nowMs: () => now,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`a clock does not go back: ${ms} ms`);
      now += ms;
    },
  };
}

/** The calendar time as ISO 8601 in UTC, for the head of a stored result; not for measuring. */
export function calendarTime(): string {
  return new Date().toISOString();
}
