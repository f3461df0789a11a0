import type { Clock } from "../../core/clock.ts";

/** Who may send when: the loop of a slice, closed or open. */
export interface Turns {
  /** Whether requests may still be sent. */
  isOpen(): boolean;
  /**
   * Asks for a turn. It comes at once or later, or there is none any more.
   *
   * @param go is told when the request was to be sent, on the run's clock; latency counts from then.
   * @returns what takes the question back; no harm when it has been answered.
   */
  take(go: (dueMs: number) => void, over: () => void): () => void;
  /** The window opens. @param openedMs on the run's clock. */
  begin(openedMs: number): void;
  /** No turns from now on; nobody who waits is told. */
  stop(): void;
}

/** A turn whenever the window is open. */
export function closedLoop(clock: Clock, isOpen: () => boolean): Turns {
  return {
    isOpen,
    take(go, over) {
      if (isOpen()) go(clock.nowMs());
      else over();
      return () => {};
    },
    begin() {},
    stop() {},
  };
}

export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  readonly windowMs: number;
  /** A request that found no lane for so long has timed out without being sent. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** A turn came later than it was due although a lane was there: the generator was late, by so many milliseconds. */
  readonly late: (ms: number) => void;
  readonly expired: () => void;
}

/** Timers are true to about a millisecond: the rest of a wait is spent in turns of the event loop. */
const TIMER_SLACK_MS = 2;

/**
 * Requests that are due at even distances from the opening of the window to its end, whatever became of those before.
 * Every one of them is sent, also after the window, or counted as one that timed out.
 */
export function openLoop({ ratePerSecond, windowMs, timeoutMs, clock, late, expired }: OpenLoopOptions): Turns {
  const total = Math.ceil((ratePerSecond * windowMs) / 1000);
  const waiting: { readonly sinceMs: number; readonly go: (dueMs: number) => void; readonly over: () => void }[] = [];
  let openedMs = Infinity;
  let next = 0;
  let stopped = false;
  let handingOut = false;
  let wakeUp: (() => void) | undefined;

  const isOpen = (): boolean => !stopped && next < total;
  const sleep = (ms: number): void => {
    if (wakeUp !== undefined || ms === Infinity) return;
    const wake = (): void => {
      wakeUp = undefined;
      handOut();
    };
    if (ms > TIMER_SLACK_MS) {
      const timer = setTimeout(wake, ms - TIMER_SLACK_MS);
      wakeUp = () => clearTimeout(timer);
    } else {
      const turn = setImmediate(wake);
      wakeUp = () => clearImmediate(turn);
    }
  };
  const handOut = (): void => {
    // Whoever gets a turn may ask for the next one at once: the loop below sees to it.
    if (handingOut || stopped) return;
    handingOut = true;
    while (waiting.length > 0) {
      if (!isOpen()) {
        waiting.shift()!.over();
        continue;
      }
      const dueMs = openedMs + (next * 1000) / ratePerSecond;
      const nowMs = clock.nowMs();
      if (dueMs > nowMs) {
        sleep(dueMs - nowMs);
        break;
      }
      next += 1;
      if (nowMs - dueMs > timeoutMs) {
        expired();
        continue;
      }
      const { sinceMs, go } = waiting.shift()!;
      if (sinceMs <= dueMs) late(nowMs - dueMs);
      go(dueMs);
    }
    handingOut = false;
  };
  return {
    isOpen,
    take(go, over) {
      const mine = { sinceMs: clock.nowMs(), go, over };
      waiting.push(mine);
      handOut();
      return () => {
        const at = waiting.indexOf(mine);
        if (at >= 0) waiting.splice(at, 1);
      };
    },
    begin(ms) {
      openedMs = ms;
      handOut();
    },
    stop() {
      stopped = true;
      wakeUp?.();
    },
  };
}
