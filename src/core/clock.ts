/** Where time comes from. Everything that waits, expires or measures takes one of these. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. Fractions are kept. */
  nowMs(): number;
}

/** Who calls back later. */
export interface Timers {
  /** Calls once, after so many milliseconds, 0 or more. @returns what takes it back; no harm when it is too late. */
  after(ms: number, call: () => void): () => void;
}

/** Node's timers go off at once when they are set for longer than this: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The host's monotonic clock, in milliseconds since 1970 as the calendar had it when the process started; in a worker
 * thread it counts from the same moment as in the main thread.
 */
export const systemClock: Clock & Timers = Object.freeze({
  nowMs: () => performance.timeOrigin + performance.now(),
  after(ms: number, call: () => void) {
    let timer: NodeJS.Timeout;
    const set = (leftMs: number): void => {
      const stageMs = Math.min(leftMs, LONGEST_TIMER_MS);
      timer = setTimeout(() => (stageMs < leftMs ? set(leftMs - stageMs) : call()), stageMs);
    };
    set(ms);
    return () => clearTimeout(timer);
  },
});

/** The same clock from this thread's own start: finer (nanoseconds, not parts of a microsecond), not comparable between threads. */
export const threadClock: Clock = Object.freeze({ nowMs: () => performance.now() });

/** A clock that moves only when told to, so that a test can replay hours in no time. */
export interface ManualClock extends Clock, Timers {
  /** Timers that come due go off in order, each at its own time. @param ms how far to move on; at least 0. */
  advance(ms: number): void;
}

/** @param startMs what the clock shows first, in milliseconds. */
export function manualClock(startMs = 0): ManualClock {
  let now = startMs;
  const timers = new Set<{ readonly atMs: number; readonly call: () => void }>();
  return {
    nowMs: () => now,
    after(ms, call) {
      const timer = { atMs: now + ms, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`a clock does not go back: ${ms} ms`);
      const until = now + ms;
      for (;;) {
        const [first] = [...timers].sort((a, b) => a.atMs - b.atMs);
        if (first === undefined || first.atMs > until) break;
        timers.delete(first);
        now = first.atMs;
        first.call();
      }
      now = until;
    },
  };
}

/** The calendar time as ISO 8601 in UTC, for the head of a stored result; not for measuring. */
export function calendarTime(): string {
  return new Date().toISOString();
}

/**
 * A moment of `systemClock` in RFC 3339, UTC, with as many decimals as it has, to the microsecond: what a double holds.
 *
 * @param epochMs since 1970.
 */
export function rfc3339(epochMs: number): string {
  const microseconds = Math.round(epochMs * 1000);
  const second = Math.floor(microseconds / 1e6);
  const fraction = String(microseconds - second * 1e6).padStart(6, "0");
  const decimals = fraction.replace(/0+$/, "");
  return `${new Date(second * 1000).toISOString().slice(0, 19)}${decimals === "" ? "" : `.${decimals}`}Z`;
}
