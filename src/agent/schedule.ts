import type { Timers } from "../core/clock.ts";

/** How often something runs. All in milliseconds. */
export interface ScheduleSettings {
  /** From the end of a run to the start of the next one at least so long, whoever asks. 0: no limit. */
  readonly minIntervalMs: number;
  /** From the end of a run to the start of the next one at most so long, even if nobody asks. */
  readonly maxIntervalMs: number;
  /** After a run that failed the next one comes within this time, even if nobody asks. */
  readonly retryMs: number;
  /**
   * The first run after one that failed comes this soon; each further failure doubles it, up to `retryMs`.
   * @default retryMs, as kube-proxy, which always waits so long
   */
  readonly firstRetryMs?: number;
}

export interface ScheduleOptions extends ScheduleSettings {
  /** One run; there is never more than one at a time. It fails by throwing. */
  readonly run: () => Promise<void>;
  /** @param retryMs the next run comes within this time. */
  readonly onFailure: (error: unknown, retryMs: number) => void;
  readonly timers: Timers;
}

export interface Schedule {
  /** Asks for a run as soon as may be. What is asked while one waits or is under way is one run more, not several. */
  request(): void;
  /** No run starts any more. Resolves when the one under way has ended. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Runs something when asked, but not too often, and now and then unasked. The first request runs at once; without one
 * the first run comes after `maxIntervalMs`.
 *
 * Source: kube-proxy from 1.34 on, pkg/proxy/runner/bounded_frequency_runner.go. The back-off of `firstRetryMs` is ours.
 */
export function createSchedule(options: ScheduleOptions): Schedule {
  const { minIntervalMs, maxIntervalMs, retryMs, firstRetryMs = retryMs, run, onFailure, timers } = options;
  let running: Promise<void> | undefined;
  let resting = false;
  let requested = false;
  let stopped = false;
  let backoffMs = firstRetryMs;
  const pending = new Set<() => void>();

  const later = (ms: number, call: () => void): void => {
    const takeBack = timers.after(ms, () => {
      pending.delete(takeBack);
      call();
    });
    pending.add(takeBack);
  };
  const forget = (): void => {
    for (const takeBack of pending) takeBack();
    pending.clear();
  };
  const start = (): void => {
    requested = true;
    if (stopped || resting || running !== undefined) return;
    requested = false;
    forget();
    running = attempt().finally(() => {
      running = undefined;
      rest();
    });
  };
  const attempt = async (): Promise<void> => {
    try {
      await run();
      backoffMs = firstRetryMs;
    } catch (error) {
      const waitMs = Math.max(minIntervalMs, Math.min(backoffMs, retryMs));
      backoffMs *= 2;
      if (stopped) return;
      later(waitMs, start);
      onFailure(error, waitMs);
    }
  };
  const rest = (): void => {
    if (stopped) return;
    later(maxIntervalMs, start);
    resting = minIntervalMs > 0;
    const wake = (): void => {
      resting = false;
      if (requested) start();
    };
    if (resting) later(minIntervalMs, wake);
    else wake();
  };

  later(maxIntervalMs, start);
  return {
    request: start,
    async stop() {
      stopped = true;
      forget();
      await running;
    },
  };
}
